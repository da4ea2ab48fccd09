import { mount } from "svelte"
import { loadCatalogs } from "../i18n/locale"
import { dress } from "../ui/appearance"
import "../ui/tokens.css"
import "./room.css"
import App from "./App.svelte"

dress()
await loadCatalogs({
  vi: [
    () => import("../i18n/vi/common.json"),
    () => import("../i18n/vi/errors.json"),
    () => import("../i18n/vi/room.json"),
  ],
  en: [
    () => import("../i18n/en/common.json"),
    () => import("../i18n/en/errors.json"),
    () => import("../i18n/en/room.json"),
  ],
})
mount(App, { target: document.getElementById("app")! })
