/** How large a picture is really drawn, as the relay is told it. Pure. */

const STEP = 90

/** Device pixels in steps of 90, so that the wish changes seldom; 0 only where nothing is drawn. */
export function stepped(pixels: number): number {
  return pixels < 1 ? 0 : Math.max(STEP, Math.round(pixels / STEP) * STEP)
}

/** The height of a 16:9 picture that covers a box of CSS pixels: where the box is flatter, some of it is cut off. */
export function covering(width: number, height: number, ratio: number): number {
  return stepped(height < 1 ? 0 : Math.max(height, (width * 9) / 16) * ratio)
}
