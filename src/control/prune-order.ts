import type {PruneOrder} from '../runtime/prune-checkpoints.ts';
import {BodyFields} from './body-fields.ts';

/** What `POST /tidemark/prune` asks for. */
export function pruneOrderOf(body: Readonly<Record<string, unknown>>): PruneOrder {
  const fields = new BodyFields(body, ['keepLast', 'keepWithinMillis', 'among', 'inUse']);
  const policy = {
    keepLast: fields.countOrNull('keepLast'),
    keepWithinMillis: fields.countOrNull('keepWithinMillis'),
  };
  return {
    policy,
    among: fields.countsOrNull('among'),
    inUse: fields.countsOrNull('inUse') ?? [],
  };
}
