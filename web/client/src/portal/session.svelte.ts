/** Who is signed in at this browser. */
import type { Me } from "../api"
import { get, post, whenSignedOut } from "../ui/http"
import { go, match, place } from "./router.svelte"

let me: Me | undefined = $state.raw()

export const session = {
  get me(): Me | undefined {
    return me
  },
  may: (act: string): boolean => me?.may.includes(act) ?? false,
}

whenSignedOut(() => {
  me = undefined
  const { path } = place.now
  if (match(path)?.route.open) return
  go(`/sign-in?return=${encodeURIComponent(path + location.search)}`, true)
})

export async function remember(): Promise<void> {
  me = await get<Me>("/me")
}

export function signedIn(who: Me): void {
  me = who
}

export async function signOut(): Promise<void> {
  await post("/sign-out")
  me = undefined
  go("/sign-in")
}
