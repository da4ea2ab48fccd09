/** Changes of network, as the browser tells them. */

type Connection = EventTarget & { readonly type?: string }

/** Calls `moved` when the network is back or is another one. Gives what ends the watch. */
export function watchMoves(moved: () => void): () => void {
  const connection = (navigator as { connection?: Connection }).connection
  let type = connection?.type
  const changed = () => {
    const now = connection?.type
    if (now !== type && navigator.onLine) moved()
    type = now
  }
  addEventListener("online", moved)
  connection?.addEventListener("change", changed)
  return () => {
    removeEventListener("online", moved)
    connection?.removeEventListener("change", changed)
  }
}
