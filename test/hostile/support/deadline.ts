// `npm run proof -- --within N`: what takes long begins nothing more when the time is over.

const until = Number(process.env['TIDEMARK_UNTIL'] ?? '') || Infinity;

export function isTimeOver(): boolean {
  return Date.now() > until;
}
