/** The words of papers (Decree 30/2020/NĐ-CP). Papers are Vietnamese whatever the language of the screen. */
import { clock, dayOf, type Moment } from "../../ui/time"

export const NATION = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
export const MOTTO = "Độc lập - Tự do - Hạnh phúc"

const WEEKDAYS = ["Chủ nhật", "thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy"]

/** `ngày 05 tháng 01 năm 2026`: days below 10 and the months 1 and 2 are padded. */
export function paperDate(at: Moment): string {
  const [year = "", month = "", day = ""] = dayOf(at).split("-")
  return `ngày ${day} tháng ${Number(month) < 3 ? month : Number(month)} năm ${year}`
}

/** `08 giờ 00, thứ Tư, ngày 25 tháng 11 năm 2026` */
export function paperTime(at: Moment): string {
  const [hour, minute] = clock(at).split(":")
  const weekday = WEEKDAYS[new Date(`${dayOf(at)}T00:00:00Z`).getUTCDay()]
  return `${hour} giờ ${minute}, ${weekday}, ${paperDate(at)}`
}

/** Up to three names; beyond that how many sites a list holds. */
export function invited(names: readonly string[]): string {
  if (names.length <= 3) return names.join("; ")
  return `đại biểu tại ${String(names.length).padStart(2, "0")} điểm cầu theo danh sách`
}
