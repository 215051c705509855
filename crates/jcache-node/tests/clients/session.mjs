// What the JavaScript sessions share: steps are lines of code, and what each gives is printed.

import { setTimeout as sleep } from "node:timers/promises";

/** Objects in an order of their own, buffers as bytes, errors with their text. */
export function canonical(value) {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(", ")}]`;
  if (value instanceof Map) return canonical(Object.fromEntries(value));
  if (value instanceof Set) return `set ${canonical([...value].sort())}`;
  if (value !== null && typeof value === "object") {
    return `{${Object.keys(value).sort().map((key) => `${key}: ${canonical(value[key])}`).join(", ")}}`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

export const say = (what, value) => console.log(`${what} => ${canonical(value)}`);

/** Runs each line of `session` as an expression of `names`, and prints what it gives or throws. */
export async function play(names, session) {
  for (const line of session.split("\n").map((line) => line.trim()).filter(Boolean)) {
    let shown;
    try {
      shown = await new Function(...Object.keys(names), `return (async () => (${line}))()`)(...Object.values(names));
    } catch (error) {
      shown = error;
    }
    say(line, shown);
  }
}

/** What `blocked` gives when `serve` runs a little later, once the server says that somebody waits. */
export async function served(info, blocked, serve) {
  for (let turn = 0; turn < 1000 && !(await info()).includes("blocked_clients:1"); turn += 1) await sleep(5);
  await serve();
  return blocked;
}

/** Waits until `ready` says so. */
export async function until(ready) {
  for (let turn = 0; turn < 2000 && !(await ready()); turn += 1) await sleep(5);
}
