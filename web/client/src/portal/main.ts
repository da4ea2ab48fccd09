import { mount } from "svelte"
import { loadCatalogs } from "../i18n/locale"
import { dress } from "../ui/appearance"
import "../ui/tokens.css"
import "./portal.css"
import App from "./App.svelte"

dress()
await loadCatalogs({
  vi: [
    () => import("../i18n/vi/common.json"),
    () => import("../i18n/vi/errors.json"),
    () => import("../i18n/vi/portal.json"),
  ],
  en: [
    () => import("../i18n/en/common.json"),
    () => import("../i18n/en/errors.json"),
    () => import("../i18n/en/portal.json"),
  ],
})
mount(App, { target: document.getElementById("app")! })
