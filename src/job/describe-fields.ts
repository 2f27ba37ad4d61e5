// Fields as rows of a reference page: what help and documentation say about a connector, a step type
// or a section comes from the declaration that also validates it.

import type {FieldKind, FieldSpec} from './field-spec.ts';
import {describeKind} from './describe-kind.ts';

export interface FieldDescription {
  /** `watermark.column`, joined by dots below its parent. */
  readonly name: string;
  /** `a duration like 10s` */
  readonly type: string;
  readonly required: boolean;
  /** As written in YAML; null: none. */
  readonly default: string | null;
  readonly description: string;
  readonly example: string;
  readonly secret: boolean;
}

/** In the order of the declaration; fields of an object follow it. */
export function describeFields(
  fields: readonly FieldSpec[],
  parent = '',
): readonly FieldDescription[] {
  return fields.flatMap((field) => {
    const name = parent === '' ? field.name : `${parent}.${field.name}`;
    const own: FieldDescription = {
      name,
      type: describeKind(field.type),
      required: field.required === true,
      default: field.default === undefined || field.default === null ? null : String(field.default),
      description: field.description,
      example: field.example,
      secret: field.secret === true,
    };
    return [own, ...objectsIn(field.type).flatMap((object) => describeFields(object, name))];
  });
}

/** Fields of objects that the kind holds, one level down. */
function objectsIn(kind: FieldKind): readonly (readonly FieldSpec[])[] {
  switch (kind.kind) {
    case 'object':
      return [kind.fields];
    case 'list':
    case 'map':
      return objectsIn(kind.of);
    case 'one-of':
      return kind.alternatives.flatMap(objectsIn);
    default:
      return [];
  }
}
