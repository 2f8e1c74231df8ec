/** Puts together what answers whether a notice is real: the public page, and the same for the command line. */
import type { Clock } from '#base/clock.ts'
import type { PublicPage } from '#ingest/public-page.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import { CheckDesk } from '#notices/check/check-desk.ts'
import { CHECK_BODY_BYTES_MAX, CheckWeb } from '#notices/check/check-web.ts'
import type { OfficialMarks } from '#notices/check/read-notice.ts'
import { ThreadReader } from '#notices/check/reader.ts'
import type { NoticeCheckVault } from '#vault/notice-port.ts'

export function officialMarks(config: NoticesConfig): OfficialMarks {
  const { dkim } = config
  return {
    company: config.company,
    domain: config.officialDomain,
    checkUrl: config.checkUrl,
    contactMail: config.contact.mail?.toLowerCase(),
    sender: config.from.address.toLowerCase(),
    senderName: config.from.name,
    dkim: dkim?.publicKey === undefined ? undefined : { domain: dkim.domain, selector: dkim.selector, publicKey: dkim.publicKey },
    checkDns: config.checkDns === true,
  }
}

export interface OpenCheckDesk {
  desk: CheckDesk
  marks: OfficialMarks
  reader: ThreadReader
  close(): Promise<void>
}

export function openCheckDesk(config: NoticesConfig, vault: NoticeCheckVault): OpenCheckDesk {
  const [marks, reader] = [officialMarks(config), new ThreadReader()]
  return { desk: new CheckDesk({ vault, marks, reader }), marks, reader, close: () => reader.close() }
}

export function publicCheckPage(config: NoticesConfig, { desk, marks, reader }: OpenCheckDesk, clock: Clock): PublicPage {
  const { contact, defaultLanguage } = config
  const web = new CheckWeb({ desk, marks, reader, contact, defaultLanguage, now: () => clock.now() })
  return {
    bodyBytesMax: CHECK_BODY_BYTES_MAX,
    isAt: (path, host) => web.isAt(path, host),
    waitMs: (request) => web.waitMs(request),
    answer: (request) => web.answer(request),
    refused: (request, status, waitMs) => web.refused(request, status, waitMs),
  }
}
