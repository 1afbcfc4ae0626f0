import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type CompilersFactory = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>
type Serialize = (data: unknown) => string

/** By schema: several servers of one process share them. */
const compiled = new WeakMap<object, Serialize>()

/**
 * Compiles the serializers of answers when a route is first asked. All together take more than half a second of
 * processor time, which a start does not have, and most routes are rarely asked.
 */
export const buildSerializer: CompilersFactory['buildSerializer'] = (externalSchemas, options) => {
  const compile = SerializerSelector()(externalSchemas, options ?? {})
  return (route) => {
    const schema = route.schema as unknown as object
    return ((data: unknown) => {
      let serialize = compiled.get(schema)
      if (serialize === undefined) compiled.set(schema, serialize = compile(route as never) as unknown as Serialize)
      return serialize(data)
    }) as never
  }
}
