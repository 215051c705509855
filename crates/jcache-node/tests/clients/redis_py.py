"""A session of redis-py, as its users write it; what each step gives is printed.

Usage: redis_py.py PORT PROTOCOL. The test runs it against the node and against redis-server and compares the prints.
"""

import sys
import threading
import time

import redis

PORT, PROTOCOL = int(sys.argv[1]), int(sys.argv[2])


def connect(**options):
    return redis.Redis(port=PORT, protocol=PROTOCOL, socket_timeout=20, **options)


r = connect()
text = connect(decode_responses=True)


def canonical(value):
    """Sets and dicts in an order of their own, errors with their type and text."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{canonical(k)}: {canonical(v)}" for k, v in value.items())) + "}"
    if isinstance(value, (set, frozenset)):
        return "set(" + ", ".join(sorted(canonical(v) for v in value)) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(canonical(v) for v in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(canonical(v) for v in value) + ")"
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {value}"
    return repr(value)


def play(session):
    for line in session.strip().splitlines():
        line = line.strip()
        if not line:
            continue
        try:
            shown = canonical(eval(line, globals()))
        except redis.RedisError as error:
            shown = canonical(error)
        print(f"{line} => {shown}", flush=True)


play("""
    r.ping()
    r.echo("hello")
    r.flushall()
    r.select(0)
    r.select(99)
    r.client_setname("transcript")
    r.client_getname()
    type(r.client_id()).__name__
    sorted(r.client_info()) != []
    r.client_list()[-1]["name"]
    r.client_kill_filter(_id=987654321)
    r.config_get("no-such-setting")
    type(r.time()[0]).__name__
    r.info()["redis_version"].split(".")[0].isdigit()
    r.info("server")["redis_mode"]
    r.dbsize()
    r.execute_command("NO-SUCH-COMMAND", "a", "b")
    r.execute_command("GET")
    r.execute_command("CLIENT", "NO-SUCH")
    r.command_getkeys("MSET", "a", 1, "b", 2)
    r.execute_command("COMMAND", "GETKEYS", "PING")
    r.wait(0, 10)
    r.memory_usage("none")
    r.object("ENCODING", "none")
    r.object("REFCOUNT", "none")
    r.slowlog_len() >= 0
    r.slowlog_reset()
    r.config_resetstat()

    r.set("a", 1)
    r.set("a", 2, nx=True)
    r.set("a", 2, xx=True, get=True)
    r.set("b", b"\\x00\\xff", ex=100)
    r.get("a"), r.get("b"), r.get("none")
    text.get("a"), text.mget("a", "none")
    r.ttl("b"), r.ttl("a"), r.ttl("none"), r.pttl("none")
    r.expire("a", 100), r.expire("none", 100), r.persist("a"), r.persist("a")
    r.expireat("a", 33177117420), r.expiretime("a"), r.pexpiretime("a")
    r.mset({"x": 1, "y": 2}), r.msetnx({"x": 1, "z": 2}), r.mget(["x", "y", "z"])
    r.incr("n"), r.incrby("n", 10), r.decr("n"), r.decrby("n", 3), r.incrbyfloat("n", 0.5)
    r.incr("b")
    r.append("s", "Hello"), r.append("s", " World"), r.strlen("s"), r.getrange("s", 0, 4), r.setrange("s", 6, "Redis"), r.get("s")
    r.getset("s", "new"), r.getdel("s"), r.getdel("s"), r.getex("a", ex=100), r.getex("a", persist=True)
    r.setex("t", 100, "v"), r.psetex("t", 100000, "v"), r.setnx("t", "w")
    r.setex("t", 0, "v")
    r.lcs("x", "y"), r.lcs("x", "y", len=True), r.lcs("a", "a", idx=True)
    r.type("a"), r.type("none"), r.exists("a", "a", "none"), r.touch("a", "none"), r.rename("a", "c"), r.renamenx("c", "x"), r.copy("x", "w")
    r.rename("none", "x")
    r.randomkey() is not None
    sorted(r.keys("*")), sorted(r.scan_iter()), sorted(r.scan_iter(match="x*", count=100, _type="STRING"))
    r.scan(0, match="nothing", count=1000)
    r.delete("x", "y", "none"), r.unlink("w")
    r.object("ENCODING", "n"), r.object("ENCODING", "c"), r.object("REFCOUNT", "n")
    r.set("large", "x" * 1000000), r.get("large") == b"x" * 1000000, r.strlen("large"), r.delete("large")
    r.flushdb()

    r.hset("h", "f", "v"), r.hset("h", mapping={"g": 1, "i": 1.5}), r.hsetnx("h", "f", "w"), r.hmset("h", {"k": "l"})
    r.hget("h", "f"), r.hget("h", "none"), r.hget("none", "f"), r.hmget("h", ["f", "none"]), r.hgetall("h"), r.hgetall("none")
    text.hgetall("h")
    r.hkeys("h"), r.hvals("h"), r.hlen("h"), r.hexists("h", "f"), r.hstrlen("h", "f")
    r.hincrby("h", "g", 5), r.hincrbyfloat("h", "i", 0.25)
    r.hincrby("h", "f")
    r.hscan("h"), list(r.hscan_iter("h", match="g")), r.hdel("h", "f", "none")
    r.hrandfield("none"), r.hrandfield("none", 2), sorted(r.hrandfield("h", 10)), len(r.hrandfield("h", -10))
    r.hset("one", "f", "v"), r.hrandfield("one"), r.hrandfield("one", 1, withvalues=True), r.hrandfield("one", -2, withvalues=True)
    r.get("h")

    r.rpush("l", "a", "b", "c"), r.lpush("l", "z"), r.lpushx("none", "x"), r.rpushx("l", "d")
    r.lrange("l", 0, -1), r.llen("l"), r.lindex("l", 0), r.lindex("l", 99), r.lset("l", 0, "y")
    r.lset("l", 99, "y")
    r.linsert("l", "BEFORE", "b", "ab"), r.lpos("l", "b"), r.lpos("l", "none"), r.lpos("l", "b", count=0), r.lrem("l", 0, "b")
    r.lmove("l", "m", "LEFT", "RIGHT"), r.rpoplpush("l", "m"), r.rpoplpush("none", "m"), r.ltrim("l", 0, 1)
    r.lpop("l"), r.lpop("l", 5), r.lpop("none"), r.lpop("none", 2), r.rpop("none"), r.rpop("m", 0), r.rpop("m")
    r.lmpop(2, "none", "m", direction="LEFT"), r.lmpop(1, "none", direction="LEFT")
    r.blpop(["none", "m"], 0.05), r.brpop("none", 0.05), r.blmove("none", "m", 0.05), r.brpoplpush("none", "m", 0.05), r.blmpop(0.05, 1, "none", direction="LEFT")
    r.rpush("l", "a", "b", "c"), r.blpop(["none", "l"], 1), r.brpop("l"), r.blmove("l", "m", 1), r.blmpop(1, 2, "none", "m", direction="LEFT")
    r.bzpopmin("none", 0.05), r.bzpopmax("none", 0.05), r.bzmpop(0.05, 1, ["none"], min=True)

    r.sadd("s", "a", "b", "c"), r.sadd("s", "a"), r.srem("s", "a", "none"), r.smembers("s"), r.smembers("none"), r.scard("s")
    r.sismember("s", "b"), r.smismember("s", ["b", "none"]), r.smove("s", "t", "b"), r.sadd("t", "x")
    r.sinter("s", "t"), r.sunion("s", "t"), r.sdiff("s", "t"), r.sinterstore("d", ["s", "s"]), r.sunionstore("d", ["s", "t"]), r.sdiffstore("d", ["s", "t"]), r.sintercard(2, ["s", "s"])
    r.srandmember("s"), r.srandmember("s", 5), r.srandmember("none"), r.srandmember("none", 3), r.spop("s"), r.spop("s"), r.spop("none", 2), sorted(r.spop("t", 5))
    r.sadd("s", *range(20)), len(list(r.sscan_iter("s"))), r.sscan("s", match="nothing", count=1000)

    r.zadd("z", {"a": 1, "b": 2.5, "c": float("inf"), "d": float("-inf")}), r.zadd("z", {"a": 3}, ch=True), r.zadd("z", {"a": 1}, incr=True), r.zadd("z", {"a": 1}, nx=True, incr=True)
    r.zscore("z", "a"), r.zscore("z", "none"), r.zmscore("z", ["a", "none"]), r.zincrby("z", 0.1, "a"), r.zcard("z"), r.zcount("z", 0, 10), r.zlexcount("z", "-", "+")
    r.zrange("z", 0, -1), r.zrange("z", 0, -1, withscores=True), r.zrange("z", 0, -1, desc=True), r.zrange("z", 1, 5, byscore=True), r.zrange("z", "-", "+", bylex=True, offset=0, num=2)
    r.zrevrange("z", 0, -1, withscores=True), r.zrangebyscore("z", "(1", "+inf", withscores=True, start=0, num=2), r.zrevrangebyscore("z", "+inf", 0), r.zrangebylex("z", "[a", "[b"), r.zrevrangebylex("z", "+", "-")
    r.zrank("z", "b"), r.zrank("z", "none"), r.zrevrank("z", "b"), r.zrangestore("y", "z", 0, 1), r.zunionstore("u", ["z", "y"]), r.zinterstore("u", {"z": 1, "y": 2}), r.zdiffstore("u", ["z", "y"])
    r.zunion(["z", "y"], withscores=True), r.zinter(["z", "y"], withscores=True), r.zdiff(["z", "y"], withscores=True), r.zunion(["z", "y"]), r.zintercard(2, ["z", "y"])
    r.zpopmin("z"), r.zpopmax("z"), r.zpopmin("z", 2), r.zpopmax("none"), r.zmpop(1, ["y"], min=True), r.zmpop(1, ["none"], max=True)
    r.zadd("z", {"a": 1}), r.zrandmember("z"), r.zrandmember("z", 2), r.zrandmember("z", 2, withscores=True), r.zrandmember("z", -2, withscores=True), r.zrandmember("none"), r.zrandmember("none", 2)
    r.zscan("z"), list(r.zscan_iter("z")), r.bzpopmin(["none", "z"], 1), r.zadd("z", {"a": 1, "b": 2, "c": 3}), r.bzpopmax("z", 1), r.bzmpop(1, 1, ["z"], min=True, count=5)
    r.zadd("z", dict(zip("abcdef", range(6)))), r.zrem("z", "a", "none"), r.zremrangebyrank("z", 0, 0), r.zremrangebyscore("z", 2, 2), r.zremrangebylex("z", "[d", "[d")
    r.zadd("l2", {"a": "x"})
    r.lpush("z", 1)
    r.flushall()
""")

# Pipelines: errors stand where they happened, or are thrown.
pipe = r.pipeline(transaction=False)
for number in range(300):
    pipe.set(f"key{number}", number).get(f"key{number}").incr(f"key{number}")
print("pipeline =>", canonical(pipe.execute()[-6:]))
pipe.set("a", "x").incr("a").lpush("a", 1).get("a")
print("pipeline with errors =>", canonical(pipe.execute(raise_on_error=False)))

# Transactions.
with r.pipeline() as pipe:
    print("transaction =>", canonical(pipe.multi() or pipe.set("a", 1).incr("a").hset("h", "f", 1).hgetall("h").zadd("z", {"m": 1}).zrange("z", 0, -1, withscores=True).blpop("none", 1).get("none").execute()))
with r.pipeline() as pipe:
    print("errors in it =>", canonical(pipe.incr("h").set("after", 1).execute(raise_on_error=False)), r.get("after"))
with r.pipeline() as pipe:
    pipe.execute_command("NO-SUCH-COMMAND")
    pipe.set("never", 1)
    try:
        print("aborted =>", pipe.execute())
    except redis.RedisError as error:
        print("aborted =>", canonical(error), r.get("never"))
with r.pipeline() as pipe:
    pipe.watch("a")
    print("watching =>", pipe.get("a"))
    r.set("a", 5)
    pipe.multi()
    pipe.set("a", 6)
    try:
        print("overtaken =>", pipe.execute())
    except redis.WatchError as error:
        print("overtaken =>", canonical(error), r.get("a"))
with r.pipeline() as pipe:
    pipe.watch("a", "none")
    pipe.unwatch()
    r.set("a", 7)
    pipe.watch("b")
    pipe.multi()
    print("in time =>", canonical(pipe.get("a").execute()))
print("transaction() =>", r.transaction(lambda pipe: pipe.multi() or pipe.incr("a").incr("a"), "a"))
single = connect(single_connection_client=True)
for words in ["MULTI", "MULTI", "SET q 1", "GET", "EXEC", "EXEC", "DISCARD", "MULTI", "WATCH a", "DISCARD", "MULTI", "EXEC", "WATCH a", "UNWATCH"]:
    try:
        print(words, "=>", canonical(single.execute_command(*words.split())))
    except redis.RedisError as error:
        print(words, "=>", canonical(error))

# Publish and subscribe.
p = r.pubsub()


def message():
    for _ in range(2000):
        found = p.get_message(timeout=10)
        if found is not None:
            return canonical(found)
    return "nothing"


p.subscribe("news", "weather")
print(message(), message())
p.psubscribe("n*")
print(message())
play("""
    r.publish("news", "hello")
    r.publish("nobody", "hello")
    r.publish("weather", b"\\xff")
    sorted(r.pubsub_channels()), r.pubsub_numsub("news", "nobody"), r.pubsub_numpat()
""")
print([message() for _ in range(4)])
p.unsubscribe("news")
print(message())
p.unsubscribe()
p.punsubscribe()
print(message(), message())
p.close()
for _ in range(100):
    if not r.pubsub_channels():
        break
    time.sleep(0.01)
play('r.pubsub_channels(), r.pubsub_numpat(), r.publish("news", 1)')


# Blocking pops that somebody else serves.
def served(block, serve):
    """What `block` gives when `serve` runs a little later, once the server says that somebody waits."""
    found = []
    waiter = threading.Thread(target=lambda: found.append(block(connect())))
    waiter.start()
    for _ in range(1000):
        if r.info("clients")["blocked_clients"] == 1:
            break
        time.sleep(0.005)
    serve()
    waiter.join(20)
    return canonical(found)


r.flushall()
print("blpop =>", served(lambda c: c.blpop(["q", "p"], 10), lambda: r.rpush("p", 1, 2)), canonical(r.lrange("p", 0, -1)))
print("brpop =>", served(lambda c: c.brpop("q", 10), lambda: r.rpush("q", 1, 2)), canonical(r.lrange("q", 0, -1)))
r.flushall()
print("blmove =>", served(lambda c: c.blmove("q", "d", 10), lambda: r.rpush("q", 1)), canonical(r.lrange("d", 0, -1)))
print("bzpopmin =>", served(lambda c: c.bzpopmin("z", 10), lambda: r.zadd("z", {"a": 1.5, "b": 2})), canonical(r.zrange("z", 0, -1)))
print("blmpop =>", served(lambda c: c.blmpop(10, 1, "q", direction="LEFT", count=2), lambda: r.rpush("q", 1, 2, 3)))
print("in a transaction =>", served(lambda c: c.blpop("t", 10), lambda: r.pipeline().rpush("t", 1).rpush("t", 2).lpop("t").execute()))
play("""
    sorted(r.keys())
    r.client_unblock(987654321)
    r.client_pause(1), r.client_unpause()
    r.flushall()
""")
