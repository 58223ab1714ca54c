import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Box, cocoMap, type Detection, type TrueObject } from '../support/coco-map.ts'
import { runNumpy } from '../support/numpy-python.ts'
import { seededRandom } from '../support/random.ts'
import { projectRoot } from '../support/server.ts'

type Case = { truth: TrueObject[]; found: Detection[] }

const script = join(projectRoot, 'test/examples/map_of_cases.py')
const maps = async (cases: readonly Case[]) => z.array(z.number().nullable()).parse(await runNumpy(script, [], cases))

/** A box of 10 by 10 pixels. */
const unit: Box = [0, 0, 10, 10]
const object = (box: Box = unit, others: Partial<TrueObject> = {}): TrueObject => ({
  ...{ image: 0, label: 0, box, crowd: false },
  ...others,
})
const detection = (score: number, box: Box = unit, others: Partial<Detection> = {}): Detection => ({
  ...{ image: 0, label: 0, box, score },
  ...others,
})
const away: Box = [50, 50, 60, 60]

describe('the mAP of the example', () => {
  // Each case is worked out by hand from https://cocodataset.org/#detection-eval and from the definition of pycocotools.
  const byHand: { what: string; truth: TrueObject[]; found: Detection[]; map: number | null }[] = [
    {
      // Precision 1 up to recall 1, at all ten thresholds.
      what: 'is 1 if all objects are found exactly',
      truth: [object(), object(away)],
      found: [detection(0.9), detection(0.2, away)],
      map: 1,
    },
    { what: 'is 0 if nothing is found', truth: [object()], found: [], map: 0 },
    { what: 'is not defined without an object', truth: [], found: [detection(0.9)], map: null },
    {
      // Intersection 10 x 8.2 = 82, union 100: IoU 0.82. It reaches 0.50, 0.55, ..., 0.80: 7 of 10 thresholds.
      what: 'counts the thresholds that a box reaches',
      truth: [object()],
      found: [detection(0.9, [0, 0, 10, 8.2])],
      map: 0.7,
    },
    {
      // Shifted by 2: intersection 8 x 10 = 80, union 100 + 100 - 80 = 120: IoU 0.667. It reaches 0.50, 0.55, 0.60, 0.65: 4 of 10.
      what: 'divides by the union',
      truth: [object()],
      found: [detection(0.9, [2, 0, 12, 10])],
      map: 0.4,
    },
    {
      // Intersection 50, union 100: IoU 0.5 reaches the threshold 0.50, 1 of 10.
      what: 'counts an overlap that equals the threshold',
      truth: [object()],
      found: [detection(0.9, [0, 0, 10, 5])],
      map: 0.1,
    },
    {
      // Right, wrong, right. Cuts: recall 1/2 precision 1, recall 1/2 precision 1/2, recall 1 precision 2/3.
      // Recalls 0.00 to 0.50 (51 points) have 1, 0.51 to 1.00 (50 points) have 2/3.
      what: 'takes the best precision at a recall or beyond',
      truth: [object(), object(away)],
      found: [detection(0.9), detection(0.8, [80, 80, 90, 90]), detection(0.7, away)],
      map: (51 + 50 * (2 / 3)) / 101,
    },
    {
      // Wrong, right. Cuts: recall 0 precision 0, recall 1 precision 1/2. All 101 recalls have 1/2.
      what: 'ranks by score, in whatever order detections come',
      truth: [object()],
      found: [detection(0.3), detection(0.6, away)],
      map: 0.5,
    },
    {
      // The first is right up to threshold 0.60 (IoU 62/100); the second is then a double, after recall 1: 3 thresholds have 1.
      // Above, the first is wrong and the second right: precision 1/2 at 7 thresholds. (3 * 1 + 7 * 1/2) / 10.
      what: 'gives an object to the highest score that reaches it, even if another box fits better',
      truth: [object()],
      found: [detection(0.9, [0, 0, 10, 6.2]), detection(0.8)],
      map: 0.65,
    },
    {
      // Two objects, one found twice: cuts are recall 1/2 precision 1, recall 1/2 precision 1/2. 51 of 101 recalls have 1, others 0.
      what: 'takes the second detection of an object as wrong',
      truth: [object(), object(away)],
      found: [detection(0.9), detection(0.8)],
      map: 51 / 101,
    },
    {
      // Objects [0, 10] and [2, 12]. The first box [2, 12] has IoU 80/120 with one and 1 with the other: it takes the other,
      // and leaves [0, 10] for the second box. Both are right at all thresholds.
      what: 'gives a detection the object that it overlaps most',
      truth: [object(), object([2, 0, 12, 10])],
      found: [detection(0.9, [2, 0, 12, 10]), detection(0.8)],
      map: 1,
    },
    {
      // Class 0 has 1, class 1 has 0. Class 2 has no object and no part in the mean.
      what: 'is the mean over classes that have objects',
      truth: [object(), object(away, { label: 1 })],
      found: [detection(0.9), detection(0.8, unit, { label: 1 }), detection(0.7, unit, { label: 2 })],
      map: 0.5,
    },
    {
      // The first detection is in image 1, the object in image 0: wrong, then right.
      what: 'looks for objects in the image of the detection',
      truth: [object(), object(away, { image: 1, crowd: false, label: 1 })],
      found: [detection(0.9, unit, { image: 1 }), detection(0.8, unit), detection(0.5, away, { image: 1, label: 1 })],
      map: (0.5 + 1) / 2,
    },
    {
      // The first detection lies in the crowd (its whole area): not counted. The second is right. Without the crowd it were 1/2.
      what: 'leaves out detections in a crowd',
      truth: [object(), object([40, 40, 90, 90], { crowd: true })],
      found: [detection(0.9, away), detection(0.8)],
      map: 1,
    },
    {
      // Both lie in the crowd: it takes any number. The class has one object, which is not found.
      what: 'leaves out each detection in a crowd, and finds no object by it',
      truth: [object(), object([40, 40, 90, 90], { crowd: true })],
      found: [detection(0.9, away), detection(0.8, away)],
      map: 0,
    },
    {
      // 100 wrong ones come first, and the right one is the 101st of the image.
      what: 'counts 100 detections of a class in an image',
      truth: [object()],
      found: [...Array.from({ length: 100 }, (_, index) => detection(0.9 - index / 1000, away)), detection(0.1)],
      map: 0,
    },
    {
      // The same, but the wrong ones are 99: precision 1/100 at recall 1.
      what: 'counts the 100th',
      truth: [object()],
      found: [...Array.from({ length: 99 }, (_, index) => detection(0.9 - index / 1000, away)), detection(0.1)],
      map: 0.01,
    },
  ]

  test('agrees with cases worked out by hand', async () => {
    const found = await maps(byHand)
    byHand.forEach(({ what, map }, index) => {
      if (map === null) expect(found[index], what).toBeNull()
      else expect(found[index], what).toBeCloseTo(map, 12)
    })
  })

  test('agrees with a second implementation on 300 random cases, which agrees with the cases by hand', async () => {
    for (const { what, truth, found, map } of byHand) {
      if (map === null) expect(cocoMap(truth, found), what).toBeNull()
      else expect(cocoMap(truth, found), what).toBeCloseTo(map, 12)
    }
    const cases = Array.from({ length: 300 }, (_, seed) => randomCase(seed + 1))
    const found = await maps(cases)
    cases.forEach((each, index) => {
      const map = cocoMap(each.truth, each.found)
      if (map === null) expect(found[index]).toBeNull()
      else expect(found[index], `case ${index + 1}`).toBeCloseTo(map, 12)
    })
  })
})

/** A case with overlapping boxes of whole pixels, equal scores, crowds, and objects without a detection. */
function randomCase(seed: number): Case {
  const random = seededRandom(seed)
  const below = (limit: number) => Math.floor(random.next() * limit)
  const box = (): Box => {
    const [x, y] = [below(6), below(6)]
    return [x, y, x + 2 + below(5), y + 2 + below(5)]
  }
  const place = () => ({ image: below(3), label: below(2), box: box() })
  const truth = Array.from({ length: below(12) }, () => ({ ...place(), crowd: below(6) === 0 }))
  const near = truth.map(({ image, label, box: [x1, y1, x2, y2] }) => ({
    image,
    label,
    box: [x1, y1, x2 + below(2), y2 + below(2)] as const,
  }))
  const others = Array.from({ length: below(15) }, place)
  const found = [...near, ...others].map(each => ({ ...each, score: below(8) / 8 }))
  return { truth, found }
}
