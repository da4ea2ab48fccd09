/** Dates and durations as a Vietnamese office writes them, always in the time of Asia/Ho_Chi_Minh (+07:00, no summer time). */
import { t } from "../i18n/locale"

export type Moment = string | number | Date

/** A calendar day, `YYYY-MM-DD`. */
export type Day = string

const OFFSET_MS = 7 * 3600_000
const DAY_MS = 86_400_000
const two = (n: number): string => String(n).padStart(2, "0")

const ms = (at: Moment): number => (typeof at === "number" ? at : new Date(at).getTime())

/** The moment's clock and calendar in Vietnam, read through the UTC getters. */
const here = (at: Moment): Date => new Date(ms(at) + OFFSET_MS)

/** The day of a moment, `2026-11-25`. */
export const dayOf = (at: Moment): Day => here(at).toISOString().slice(0, 10)

/** `08:00` */
export const clock = (at: Moment): string => here(at).toISOString().slice(11, 16)

/** `08:00:05` */
export const clockSeconds = (at: Moment): string => here(at).toISOString().slice(11, 19)

/** `08:00 – 11:30` */
export const clockRange = (from: Moment, to: Moment): string => `${clock(from)} – ${clock(to)}`

/** The moment of a day and a clock time, ISO 8601 with the offset. */
export const momentOf = (day: Day, time: string): string => `${day}T${time}:00+07:00`

/** `25/11/2026` */
export const shortDay = (day: Day): string => day.split("-").reverse().join("/")

/** `25/11/2026` of a moment. */
export const shortDate = (at: Moment): string => shortDay(dayOf(at))

/** `25/11` of a moment. */
export const dayMonth = (at: Moment): string => shortDate(at).slice(0, 5)

const weekdayOf = (day: Day): number => new Date(`${day}T00:00:00Z`).getUTCDay()

/** `Thứ Tư` */
export const weekday = (day: Day): string => t(`time.weekday.${weekdayOf(day)}`)

/** `Thứ Tư, 25/11/2026` of a day. */
export const longDay = (day: Day): string => `${weekday(day)}, ${shortDay(day)}`

/** `Thứ Tư, ngày 25 tháng 11 năm 2026` of a day, to be read out. */
export const spokenDay = (day: Day): string =>
  t("time.spoken_day", {
    weekday: weekday(day),
    day: Number(day.slice(8)),
    month: t(`time.month.${Number(day.slice(5, 7))}`),
    year: day.slice(0, 4),
  })

/** `Thứ Tư, 25/11/2026` of a moment. */
export const longDate = (at: Moment): string => longDay(dayOf(at))

/** `Thứ Tư, ngày 25 tháng 11` */
export function headDate(at: Moment): string {
  const day = here(at)
  return t("time.head", {
    weekday: weekday(dayOf(at)),
    day: day.getUTCDate(),
    month: t(`time.month.${day.getUTCMonth() + 1}`),
  })
}

/** `Thứ Tư, ngày 25/11`, for narrow screens. */
export const headDateShort = (at: Moment): string =>
  t("time.head_short", { weekday: weekday(dayOf(at)), date: dayMonth(at) })

/** `25/11/2026, 08:00` */
export const dateAndClock = (at: Moment): string => `${shortDate(at)}, ${clock(at)}`

/** A day near now in a word: `hôm nay`, `ngày mai`, else `thứ Sáu 27/11`. */
export function nearDay(at: Moment, now: Moment): string {
  const away = daysBetween(dayOf(now), dayOf(at))
  if (away >= -1 && away <= 1) return t(`time.near.${away}`)
  return `${t(`time.weekday_low.${weekdayOf(dayOf(at))}`)} ${dayMonth(at)}`
}

/** A deadline: `17:00 thứ Sáu 20/11`, `17:00 hôm nay`. */
export const deadline = (at: Moment, now: Moment): string => `${clock(at)} ${nearDay(at, now)}`

export const daysBetween = (from: Day, to: Day): number =>
  Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS)

/** How long from `now` to `at`, in its largest unit: `6 phút`, `3 giờ`, `2 ngày`. Nothing is below one minute. */
export function away(at: Moment, now: Moment): string {
  const minutes = Math.max(1, Math.round(Math.abs(ms(at) - ms(now)) / 60_000))
  if (minutes < 60) return t("time.minutes", { count: minutes })
  if (minutes < 36 * 60) return t("time.hours", { count: Math.round(minutes / 60) })
  return t("time.days", { count: Math.round(minutes / 1440) })
}

/** `còn 6 phút`, or `quá 6 phút` once it has passed. */
export const remaining = (at: Moment, now: Moment): string =>
  t(ms(at) >= ms(now) ? "time.left" : "time.over", { span: away(at, now) })

/** `mm:ss` for a timer; negative time keeps its sign. */
export function mmss(seconds: number): string {
  const whole = Math.trunc(Math.abs(seconds))
  return `${seconds < 0 && whole > 0 ? "−" : ""}${two(Math.floor(whole / 60))}:${two(whole % 60)}`
}

/** `h:mm:ss` of a film's time; below one hour `m:ss`. */
export function hmmss(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** A duration in words: `2 giờ 5 phút`, `48 giây`. */
export function spanWords(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return t("time.seconds", { count: whole })
  const minutes = Math.round(whole / 60)
  const hours = Math.floor(minutes / 60)
  const parts = [
    hours && t("time.hours", { count: hours }),
    minutes % 60 && t("time.minutes", { count: minutes % 60 }),
  ]
  return parts.filter(Boolean).join(" ")
}

/** The day that was typed: `25/11/2026`, `25-11-2026`, `25.11.26`, `25/11` (the year of `now`); `null` if it is none. */
export function readDay(text: string, now: Moment): Day | null {
  const typed = /(\d{1,2})[/.\-\s](\d{1,2})(?:[/.\-\s](\d{4}|\d{2}))?\s*$/.exec(text.trim())
  if (!typed) return null
  const [, day, month, year] = typed
  const full =
    year === undefined ? here(now).getUTCFullYear() : year.length === 2 ? 2000 + Number(year) : Number(year)
  const iso = `${full}-${two(Number(month))}-${two(Number(day))}`
  const read = new Date(`${iso}T00:00:00Z`)
  return Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== iso ? null : iso
}

/** The clock time that was typed: `8:00`, `0800`, `8h30`, `8`; `null` if it is none. */
export function readClock(text: string): string | null {
  const typed = /^(\d{1,2})(?:[:h.\s]?(\d{2}))?h?$/i.exec(text.trim())
  if (!typed) return null
  const hour = Number(typed[1])
  const minute = Number(typed[2] ?? 0)
  return hour < 24 && minute < 60 ? `${two(hour)}:${two(minute)}` : null
}

/** `day` moved by whole days. */
export const shiftDay = (day: Day, days: number): Day =>
  new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10)

/** `day` moved by whole months; the 31st becomes the last of a shorter month. */
export function shiftMonth(day: Day, months: number): Day {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number)
  const last = new Date(Date.UTC(year, month - 1 + months + 1, 0))
  const at = new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth(), Math.min(date, last.getUTCDate())))
  return at.toISOString().slice(0, 10)
}

/** The six weeks that show a month, Monday first. */
export function monthGrid(day: Day): Day[][] {
  const first = `${day.slice(0, 8)}01`
  const start = shiftDay(first, -((weekdayOf(first) + 6) % 7))
  return Array.from({ length: 6 }, (_, week) =>
    Array.from({ length: 7 }, (_, at) => shiftDay(start, week * 7 + at)),
  )
}
