// Prisma's own engine can't be had from npm: this is the same one as WebAssembly, which reaches the server
// through node-postgres. The adapter between them would cut a script at each semicolon and give it to a
// pool; here it sends the script as one message in one session, as the engine itself does.
import { PrismaPg } from "@prisma/adapter-pg";

// The engine doesn't cancel the timer of its lock when it has that, and would wait for it in the end.
const later = globalThis.setTimeout;
globalThis.setTimeout = (...timer) => later(...timer).unref();

const factory = new PrismaPg({ connectionString: process.env.DATABASE_URL });
const connect = factory.connect.bind(factory);
factory.connect = async () => {
  const adapter = await connect();
  const session = await adapter.client.connect();
  // Nobody ends the session, so it must not keep the program from ending.
  const query = (...question) => {
    session.ref();
    return session.query(...question).finally(() => session.unref());
  };
  adapter.client = {
    // It reads the ledger's times as text, where the engine itself has them in binary.
    query: async (question, values) => {
      if (!question.text.includes('FROM "_prisma_migrations"')) return query(question, values);
      await query("SET datestyle = ISO");
      return query(question, values).finally(() => query("RESET datestyle"));
    },
  };
  adapter.executeScript = async (script) => {
    await query(script).catch((error) => adapter.onError(error));
  };
  return adapter;
};
export default {
  schema: "schema.prisma",
  migrations: { path: process.env.MIGRATIONS },
  experimental: { adapter: true },
  engine: "js",
  adapter: async () => factory,
};
