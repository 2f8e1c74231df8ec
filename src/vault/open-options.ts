import type { Clock } from '#base/clock.ts'
import type { Room } from '#base/reserve.ts'
import type { KeyWrap } from './key-wrap.ts'
import type { CappedSource } from './newcomers.ts'
import type { IsExtension } from './tree-port.ts'

/** What a vault is opened with. */
export interface VaultOptions {
  dataDir: string
  keysDir: string
  instance: string
  clock: Clock
  wrap?: KeyWrap
  room?: Room
  keysRoom?: Room
  /** Whose new ids are capped: every source of the gateway. */
  sources?: readonly CappedSource[]
  /** Needed to sign trees one after another. */
  isExtension?: IsExtension
}
