/** The units in the order of their tree, each with its depth. */
import type { UnitView } from "../../api"

export interface Branch {
  unit: UnitView
  depth: number
  /** All units below, at any depth. */
  below: readonly string[]
}

export function tree(units: readonly UnitView[]): Branch[] {
  const known = new Set(units.map(({ id }) => id))
  const children = new Map<string | null, UnitView[]>()
  for (const unit of units) {
    const parent = unit.parent && known.has(unit.parent) ? unit.parent : null
    children.set(parent, [...(children.get(parent) ?? []), unit])
  }
  const branches: Branch[] = []
  const grow = (unit: UnitView, depth: number): string[] => {
    const at = branches.push({ unit, depth, below: [] }) - 1
    const below = (children.get(unit.id) ?? []).flatMap((child) => [child.id, ...grow(child, depth + 1)])
    branches[at] = { unit, depth, below }
    return below
  }
  for (const root of children.get(null) ?? []) grow(root, 0)
  return branches
}
