/** What a reading thread says once it is there with its libraries. */
export const READY = 'ready'
