import { answerInThread } from '../../platform/thread.js'
import { type PieceThreadInput, READERS } from './read-piece.js'

await answerInThread(async ({ reader, body }: PieceThreadInput) => READERS[reader](Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')))
