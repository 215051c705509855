// A session of node-redis, as its users write it; what each step gives is printed. Usage: node_redis.mjs PORT PROTOCOL

import { createClient, RESP_TYPES } from "redis";
import { play, say, served, until } from "./session.mjs";

const socket = { host: "127.0.0.1", port: Number(process.argv[2]), reconnectStrategy: false };
const connect = async () => createClient({ socket, RESP: Number(process.argv[3]) }).on("error", () => {}).connect();
const r = await connect();
const other = await connect();
const bytes = r.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });

await play({ r, bytes }, `
  r.ping()
  r.flushAll()
  r.echo("hello")
  r.clientSetName("transcript")
  r.clientGetName()
  r.sendCommand(["NO-SUCH-COMMAND", "a"])
  r.sendCommand(["GET"])
  r.set("a", 1, { expiration: { type: "EX", value: 100 } })
  r.set("a", 2, { condition: "NX" })
  r.get("a")
  r.get("none")
  bytes.get("a")
  r.ttl("a")
  r.mSet({ x: "1", y: "2" })
  r.mGet(["x", "none", "y"])
  r.incrBy("x", 10)
  r.incrByFloat("x", 0.1)
  r.set("bytes", Buffer.from([0, 255, 13, 10]))
  bytes.get("bytes")
  r.del(["x", "y", "none"])
  r.exists(["a", "none"])
  r.rename("none", "b")
  r.expire("a", 100)
  r.persist("a")
  r.type("a")
  r.keys("a*")
  r.scan("0", { MATCH: "nothing", COUNT: 1000 })
  r.hSet("h", { f: "v", g: 1 })
  r.hGet("h", "none")
  r.hGetAll("h")
  r.hGetAll("none")
  r.hmGet("h", ["f", "none"])
  r.hIncrByFloat("h", "g", 0.5)
  r.hRandFieldCountWithValues("h", 5)
  r.hRandFieldCountWithValues("none", 5)
  r.hScan("h", "0")
  r.hDel("h", ["f", "none"])
  r.incr("h")
  r.rPush("l", ["a", "b", "c"])
  r.lRange("l", 0, -1)
  r.lPop("l")
  r.lPopCount("l", 5)
  r.lPopCount("none", 5)
  r.lmPop("none", "LEFT")
  r.blPop("none", 0.05)
  r.blMove("none", "m", "LEFT", "RIGHT", 0.05)
  r.sAdd("s", ["a"])
  r.sMembers("s")
  r.sIsMember("s", "a")
  r.smIsMember("s", ["a", "b"])
  r.sInter(["s", "none"])
  r.sPop("s")
  r.zAdd("z", [{ score: 1, value: "a" }, { score: 2.5, value: "b" }, { score: Infinity, value: "c" }])
  r.zAddIncr("z", { score: 0.1, value: "a" })
  r.zRange("z", 0, -1)
  r.zRangeWithScores("z", 0, -1)
  r.zRangeByScoreWithScores("z", 1, "+inf")
  r.zScore("z", "c")
  r.zScore("z", "none")
  r.zmScore("z", ["a", "none"])
  r.zRank("z", "b")
  r.zPopMin("z")
  r.zPopMin("none")
  r.zPopMinCount("z", 1)
  r.zmPop("z", "MIN")
  r.zmPop("z", "MIN")
  r.zAdd("z", { score: 1.5, value: "a" })
  r.zRandMemberCountWithScores("z", 3)
  r.zScan("z", "0")
  r.bzPopMin("z", 1)
  r.bzPopMin("z", 0.05)
  r.configGet("no-such-setting")
  r.dbSize()
  r.flushDb()
`);

// Commands in one turn are one pipeline; transactions.
say("pipeline", await Promise.allSettled([r.set("a", "x"), r.incr("a"), r.get("a")]).then((all) => all.map((it) => it.value ?? it.reason)));
say("multi", await r.multi().set("a", 1).incr("a").hSet("h", "f", 1).hGetAll("h").zAdd("z", { score: 1.5, value: "m" }).zRangeWithScores("z", 0, -1).get("none").exec());
say("errors in it", await r.multi().incr("h").get("a").exec().catch((error) => [error, error.replies]));
say("aborted", await r.multi().addCommand(["NO-SUCH"]).set("never", 1).exec().catch((error) => error));
await r.watch("a");
await other.set("a", 5);
say("overtaken", await r.multi().set("a", 6).exec().catch((error) => error));
await r.watch("a");
say("in time", await r.multi().get("a").exec());

// Publish and subscribe.
const subscriber = await connect();
const heard = [];
await subscriber.subscribe(["news", "weather"], (text, channel) => heard.push([channel, text]));
await subscriber.pSubscribe("n*", (text, channel) => heard.push(["n*", channel, text]));
await play({ r }, `
  r.publish("news", "hello")
  r.publish("weather", "rain")
  r.publish("nowhere", "x")
  r.pubSubNumSub(["news", "none"])
  r.pubSubNumPat()
`);
await until(() => heard.length >= 4);
say("heard", heard);
await subscriber.unsubscribe();
await subscriber.pUnsubscribe();
say("after", await subscriber.get("a"));

// Blocking pops that somebody else serves.
await r.flushAll();
const info = () => r.info("clients");
say("blPop", await served(info, other.blPop(["q", "p"], 10), () => r.rPush("p", ["1", "2"])));
say("bzPopMax", await served(info, other.bzPopMax("z", 10), () => r.zAdd("z", [{ score: 1, value: "a" }, { score: 2.5, value: "b" }])));
say("blMove", await served(info, other.blMove("src", "dst", "LEFT", "RIGHT", 10), () => r.rPush("src", "1")));
say("keys", (await r.keys("*")).sort());
await r.flushAll();
await Promise.all([r, other, subscriber].map((client) => client.close()));
