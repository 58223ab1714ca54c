import { describe, expect, test } from 'vitest'
import { bestOf } from '../../src/search/ranking.ts'

const soup = (value: number | null, ...members: number[]) => ({
  value,
  soup: { members, weights: members.map(() => 1), rules: [] },
})

describe('the best of some soups', () => {
  test('has the highest score, or the lowest where less is better', () => {
    const soups = [soup(0.5, 0), soup(0.7, 1), soup(0.2, 0, 1)]
    expect(bestOf(soups, 'max')).toBe(soups[1])
    expect(bestOf(soups, 'min')).toBe(soups[2])
  })

  test('has fewer models where scores tie', () => {
    const soups = [soup(0.7, 0, 1), soup(0.7, 2), soup(0.7, 0, 1, 2)]
    expect(bestOf(soups, 'max')).toBe(soups[1])
    expect(bestOf(soups, 'min')).toBe(soups[1])
  })

  test('has the models that come first where scores and numbers tie, whatever was scored first', () => {
    const soups = [soup(0.7, 1, 2), soup(0.7, 0, 3), soup(0.7, 0, 2)]
    expect(bestOf(soups, 'max')).toBe(soups[2])
  })

  test('has a score, however bad', () => {
    const soups = [soup(null, 0), soup(-5, 1)]
    expect(bestOf(soups, 'max')).toBe(soups[1])
    expect(bestOf([soup(null, 0)], 'max')).toBeUndefined()
  })
})
