/** Goes on with `checksum` over the rows of a batch of {id: int, text: string}: order counts. */
export function checksumOf(checksum, batch) {
  const [id, text] = batch.columns;
  let sum = checksum;
  for (let position = 0; position < batch.selectedCount; position += 1) {
    const row = batch.selection === null ? position : batch.selection[position];
    sum = (Math.imul(sum, 31) + id.values[row]) | 0;
    for (let at = text.starts[row]; at < text.ends[row]; at += 1) {
      sum = (Math.imul(sum, 31) + text.bytes[at]) | 0;
    }
  }
  return sum;
}
