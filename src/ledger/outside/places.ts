import type { Clock } from '#base/clock.ts'
import type { CheckpointPlaceConfig } from '#model/config.ts'
import { folderPlace } from './folder-place.ts'
import { gitPlace } from './git-place.ts'
import { mailPlace } from './mail-place.ts'
import type { Place } from './place.ts'
import { witnessPlace } from './witness-place.ts'

/** `workDir`: for what git needs while it works. */
export function openPlace(config: CheckpointPlaceConfig, { workDir, clock }: { workDir: string; clock: Clock }): Place {
  if (config.kind === 'git') return gitPlace(config, workDir)
  if (config.kind === 'mail') return mailPlace(config, clock)
  return config.kind === 'witness' ? witnessPlace(config) : folderPlace(config)
}
