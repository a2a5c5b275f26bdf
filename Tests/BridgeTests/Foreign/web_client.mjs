// gRPC-Web and Connect with what browsers have: fetch, streams and nothing else. usage: node web_client.mjs PORT
import assert from "node:assert/strict";

const base = `http://127.0.0.1:${process.argv[2]}/test.Fake`;
const type = "application/grpc-web+proto";

function frame(payload) {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint32(1, payload.length);
  bytes.set(payload, 5);
  return bytes;
}

// The frames of a body as they come: {flags, payload}.
async function* frames(body) {
  let rest = new Uint8Array();
  for await (const chunk of body) {
    const joined = new Uint8Array(rest.length + chunk.length);
    joined.set(rest);
    joined.set(chunk, rest.length);
    rest = joined;
    while (rest.length >= 5) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.length < 5 + length) break;
      yield { flags: rest[0], payload: rest.slice(5, 5 + length) };
      rest = rest.slice(5 + length);
    }
  }
  assert.equal(rest.length, 0, "the body ends with a whole frame");
}

async function call(method, init = {}) {
  const response = await fetch(`${base}/${method}`, {
    method: "POST", headers: { "content-type": type, "x-grpc-web": "1" }, body: frame(new Uint8Array()), ...init,
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), type);
  const got = [];
  for await (const item of frames(response.body)) got.push(item);
  const last = got.pop();
  assert.equal(last.flags, 0x80);
  return { messages: got, trailers: new TextDecoder().decode(last.payload) };
}

const unary = await call("Get");
assert.equal(unary.messages.length, 1);
assert.match(unary.trailers, /^grpc-status: 0\r\n/);
const stream = await call("Watch");
assert.equal(stream.messages.length, 3);
assert.match(stream.trailers, /^grpc-status: 0\r\n/);
const broken = await call("Breaking");
assert.equal(broken.messages.length, 1);
assert.match(broken.trailers, /^grpc-status: 15\r\n/);

// A reader that leaves: the handler must hear of it (the test looks).
const leaving = new AbortController();
const forever = await fetch(`${base}/Forever`, {
  method: "POST", headers: { "content-type": type }, body: frame(new Uint8Array()), signal: leaving.signal,
});
const reader = forever.body.getReader();
await reader.read();
leaving.abort();

const connect = await fetch(`${base}/Get`, {
  method: "POST", headers: { "content-type": "application/json", "connect-protocol-version": "1" }, body: '{"id":"n"}',
});
assert.deepEqual(await connect.json(), { id: "n", method: "Get" });
const failed = await fetch(`${base}/Fail`, {
  method: "POST", headers: { "content-type": "application/json", "connect-protocol-version": "1" },
  body: '{"code":"NOT_FOUND"}',
});
assert.equal(failed.status, 404);
assert.equal((await failed.json()).code, "not_found");
console.log("node: all passed");
