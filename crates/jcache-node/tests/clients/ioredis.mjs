// A session of ioredis, as its users write it; what each step gives is printed. Usage: ioredis.mjs PORT

import { Redis } from "ioredis";
import { play, say, served, until } from "./session.mjs";

const port = Number(process.argv[2]);
const connect = () => new Redis({ port, retryStrategy: null, maxRetriesPerRequest: 1 });
const r = connect();
const other = connect();

await play({ r }, `
  r.ping()
  r.flushall()
  r.echo("hello")
  r.client("SETNAME", "transcript")
  r.client("GETNAME")
  r.call("NO-SUCH-COMMAND", "a")
  r.call("GET")
  r.select(0)
  r.select(99)
  r.set("a", 1, "EX", 100)
  r.set("a", 2, "NX")
  r.get("a")
  r.get("none")
  r.getBuffer("a")
  r.ttl("a")
  r.mset("x", 1, "y", 2)
  r.mget("x", "none", "y")
  r.incr("x")
  r.incrbyfloat("x", 0.1)
  r.incr("none.such", 1)
  r.set("bytes", Buffer.from([0, 255, 13, 10]))
  r.getBuffer("bytes")
  r.append("s", "abc")
  r.getrange("s", 0, 1)
  r.del("x", "y", "none")
  r.exists("a", "none")
  r.type("a")
  r.rename("none", "b")
  r.expire("a", 100)
  r.persist("a")
  r.keys("a*")
  r.scan(0, "MATCH", "nothing", "COUNT", 1000)
  r.hset("h", { f: "v", g: 1 })
  r.hget("h", "f")
  r.hget("h", "none")
  r.hgetall("h")
  r.hgetall("none")
  r.hmget("h", "f", "none")
  r.hincrby("h", "g", 4)
  r.hdel("h", "f", "none")
  r.hrandfield("h", 1, "WITHVALUES")
  r.hscan("h", 0)
  r.incr("h")
  r.rpush("l", "a", "b", "c")
  r.lrange("l", 0, -1)
  r.lpop("l")
  r.lpop("l", 5)
  r.lpop("none", 2)
  r.lmpop(1, "none", "LEFT")
  r.blpop("none", 0.05)
  r.blmove("none", "m", "LEFT", "RIGHT", 0.05)
  r.sadd("s1", "a")
  r.smembers("s1")
  r.sismember("s1", "a")
  r.smismember("s1", "a", "b")
  r.sinter("s1", "none")
  r.sunionstore("s2", "s1", "none")
  r.spop("s1")
  r.spop("s1", 3)
  r.zadd("z", 1, "a", 2.5, "b", "+inf", "c")
  r.zadd("z", "INCR", 0.1, "a")
  r.zrange("z", 0, -1, "WITHSCORES")
  r.zrangebyscore("z", "(1", "+inf", "LIMIT", 0, 1)
  r.zscore("z", "c")
  r.zscore("z", "none")
  r.zrank("z", "b")
  r.zmscore("z", "a", "none")
  r.zpopmin("z")
  r.zpopmin("none")
  r.zmpop(1, "z", "MIN")
  r.bzpopmin("z", 1)
  r.bzpopmin("z", 0.05)
  r.zadd("z", "x", "a")
  r.object("ENCODING", "none")
  r.config("GET", "no-such-setting")
  r.dbsize()
  r.flushdb()
`);

// Pipelines and transactions.
say("pipeline", await r.pipeline().set("a", "x").incr("a").get("a").lpush("a", 1).exec());
const many = r.pipeline();
for (let number = 0; number < 500; number += 1) many.set(`k${number}`, number).get(`k${number}`);
say("long pipeline", (await many.exec()).slice(-4));
say("multi", await r.multi().set("a", 1).incr("a").hset("h", "f", 1).hgetall("h").zadd("z", 1.5, "m").zrange("z", 0, -1, "WITHSCORES").blpop("none", 1).exec());
say("errors in it", await r.multi().incr("h").get("a").exec());
say("aborted", await r.multi().call("NO-SUCH").set("never", 1).exec().catch((error) => [error, error.previousErrors]));
await r.watch("a");
await other.set("a", 5);
say("overtaken", await r.multi().set("a", 6).exec());
await r.watch("a");
say("in time", await r.multi().get("a").exec());
await play({ r }, `
  r.multi({ pipeline: false })
  r.set("a", 1)
  r.get("a")
  r.exec()
  r.multi({ pipeline: false })
  r.discard()
  r.get("a")
`);

// Publish and subscribe.
const subscriber = connect();
const heard = [];
subscriber.on("message", (...words) => heard.push(["message", ...words]));
subscriber.on("pmessage", (...words) => heard.push(["pmessage", ...words]));
await play({ subscriber }, `
  subscriber.subscribe("news", "weather")
  subscriber.psubscribe("n*")
  subscriber.get("a")
  subscriber.ping()
`);
await play({ r }, `
  r.publish("news", "hello")
  r.publish("weather", "rain")
  r.publish("nowhere", "x")
  r.pubsub("NUMSUB", "news", "none")
  r.pubsub("NUMPAT")
`);
await until(() => heard.length >= 4);
say("heard", heard);
await play({ subscriber }, `
  subscriber.unsubscribe("news", "weather")
  subscriber.punsubscribe("n*")
  subscriber.get("a")
`);

// Blocking pops that somebody else serves.
await r.flushall();
const info = () => r.info("clients");
say("blpop", await served(info, other.blpop("q", "p", 10), () => r.rpush("p", 1, 2)));
say("bzpopmax", await served(info, other.bzpopmax("z", 10), () => r.zadd("z", 1, "a", 2.5, "b")));
say("blmove", await served(info, other.blmove("src", "dst", "LEFT", "RIGHT", 10), () => r.rpush("src", 1)));
say("keys", (await r.keys("*")).sort());
await r.flushall();
for (const client of [r, other, subscriber]) say("quit", await client.quit());
