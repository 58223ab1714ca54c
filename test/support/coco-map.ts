/** A box as its corners, in pixels: x1, y1, x2, y2. */
export type Box = readonly [number, number, number, number]
export type TrueObject = { image: number; label: number; box: Box; crowd: boolean }
export type Detection = { image: number; label: number; box: Box; score: number }

/** Spacing of the thresholds 0.50 to 0.95 in pycocotools, which gets them from NumPy's linspace. */
const step = (0.95 - 0.5) / 9
const thresholds = Array.from({ length: 10 }, (_, index) => (index === 9 ? 0.95 : 0.5 + index * step))
const recalls = Array.from({ length: 101 }, (_, index) => (index === 100 ? 1 : index * 0.01))

/**
 * Returns the mAP of COCO, written from its definition and not from the example. At each recall it takes the best precision among the
 * cuts of the ranked detections that reach it. Null without an object.
 */
export function cocoMap(truth: readonly TrueObject[], found: readonly Detection[]): number | null {
  const labels = new Set(truth.filter(({ crowd }) => !crowd).map(({ label }) => label))
  const all = [...labels].flatMap(label =>
    thresholds.map(threshold => averagePrecision(ofLabel(truth, label), ofLabel(found, label), threshold)),
  )
  return all.length === 0 ? null : mean(all)
}

const ofLabel = <Item extends { label: number }>(items: readonly Item[], label: number) =>
  items.filter(item => item.label === label)

function averagePrecision(truth: readonly TrueObject[], found: readonly Detection[], threshold: number): number {
  const objects = truth.filter(({ crowd }) => !crowd).length
  const cuts: { right: number; counted: number }[] = []
  let [right, counted] = [0, 0]
  for (const outcome of ranked(truth, found, threshold)) {
    if (outcome === 'right') right += 1
    if (outcome !== 'ignored') counted += 1
    if (counted > 0) cuts.push({ right, counted })
  }
  const precisionAt = (recall: number) =>
    Math.max(0, ...cuts.filter(cut => cut.right / objects >= recall).map(cut => cut.right / cut.counted))
  return mean(recalls.map(precisionAt))
}

/** Returns the outcomes of the detections of all images, the highest score first. */
function ranked(truth: readonly TrueObject[], found: readonly Detection[], threshold: number) {
  const images = [...new Set(found.map(({ image }) => image))].sort((a, b) => a - b)
  const judged = images.flatMap(image => {
    const best = byScore(found.filter(each => each.image === image)).slice(0, 100)
    const open = truth.filter(each => each.image === image && !each.crowd)
    const crowds = truth.filter(each => each.image === image && each.crowd)
    return best.map(({ box, score }) => {
      const reached = open.filter(object => overlap(box, object.box, false) >= threshold)
      const highest = Math.max(...reached.map(object => overlap(box, object.box, false)))
      const match = reached.findLast(object => overlap(box, object.box, false) === highest)
      if (match) open.splice(open.indexOf(match), 1)
      const inCrowd = crowds.some(crowd => overlap(box, crowd.box, true) >= threshold)
      return { score, outcome: match ? 'right' : inCrowd ? 'ignored' : 'wrong' }
    })
  })
  return byScore(judged).map(({ outcome }) => outcome)
}

const byScore = <Item extends { score: number }>(items: readonly Item[]) => items.toSorted((a, b) => b.score - a.score)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const areaOf = ([x1, y1, x2, y2]: Box) => (x2 - x1) * (y2 - y1)

/** Intersection over union, or over the area of the detection if the other box is a crowd. */
function overlap(found: Box, other: Box, crowd: boolean): number {
  const width = Math.min(found[2], other[2]) - Math.max(found[0], other[0])
  const height = Math.min(found[3], other[3]) - Math.max(found[1], other[1])
  const shared = Math.max(0, width) * Math.max(0, height)
  return shared / (crowd ? areaOf(found) : areaOf(found) + areaOf(other) - shared)
}
