// The generated JavaScript client against a server that records what it is sent.
import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { Client, Problem, Retrieval, Tenants, Workflows } from "../../../clients/javascript/ragdz.js";

/** Runs `use` with a client of a server that answers with `reply` and notes its requests. */
async function serve(reply, use) {
  const seen = [];
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    reply(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(new Client({ baseUrl: `http://127.0.0.1:${server.address().port}/`, key: "secret", language: "ar" }), seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const json = (value, status = 200, type = "application/json") => (response) =>
  response.writeHead(status, { "content-type": type }).end(JSON.stringify(value));

test("the path, the query and the body come from the rule", async () => {
  await serve(json({ id: "t" }), async (client, seen) => {
    const request = { tenant: { id: "a/b", name: "Nom" }, updateMask: "name,defaultLanguage" };
    assert.deepEqual(await new Tenants(client).updateTenant(request), { id: "t" });
    assert.equal(seen[0].method, "PATCH");
    assert.equal(seen[0].url, "/v1/tenants/a%2Fb?updateMask=name%2CdefaultLanguage");
    assert.deepEqual(JSON.parse(seen[0].body), { name: "Nom" });
    assert.equal(seen[0].headers.authorization, "Bearer secret");
    assert.equal(seen[0].headers["accept-language"], "ar");
    assert.equal(request.tenant.id, "a/b", "the caller's request stays as it was");

    await new Tenants(client).listTenants({ pageSize: 5 });
    assert.equal(seen[1].url, "/v1/tenants?pageSize=5");
    assert.equal(seen[1].body, "");
    await new Retrieval(client).search({ query: "impôt", languages: ["fr", "ar"] });
    assert.deepEqual(JSON.parse(seen[2].body), { query: "impôt", languages: ["fr", "ar"] });
    await assert.rejects(async () => new Tenants(client).getTenant({}), TypeError);
  });
});

test("errors are problems", async () => {
  const problem = { status: 404, code: "NOT_FOUND", reason: "TENANT_NOT_FOUND", detail: "Aucun client.", instance: "urn:ragdz:request:r1" };
  await serve(json(problem, 404, "application/problem+json"), async (client) => {
    await assert.rejects(new Tenants(client).getTenant({ id: "x" }), (error) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual([error.status, error.reason, error.message, error.requestId], [404, "TENANT_NOT_FOUND", "Aucun client.", "r1"]);
      return true;
    });
  });
});

test("streams are read event by event", async () => {
  const events = (...parts) => (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const part of parts) response.write(part);
    response.end();
  };
  const read = async (client) => {
    const got = [];
    for await (const event of new Workflows(client).watchRun({ id: "r", afterSequence: "3" })) got.push(event);
    return got;
  };
  const text = 'id: 4\nevent: message\ndata: {"sequence":"4","type":"é"}\n\n: heartbeat\n\nid: 5\nevent: message\ndata: {"sequence":"5"}\n\n';
  const bytes = Buffer.from(text + "event: end\ndata: {}\n\n");
  // Cut inside a character and inside an event.
  await serve(events(bytes.subarray(0, 57), bytes.subarray(57)), async (client, seen) => {
    assert.deepEqual(await read(client), [{ sequence: "4", type: "é" }, { sequence: "5" }]);
    assert.equal(seen[0].url, "/v1/runs/r/events?afterSequence=3");
  });
  await serve(events(text), async (client) => {
    await assert.rejects(read(client), { reason: "STREAM_BROKEN" });
  });
  await serve(events('event: error\ndata: {"reason":"GONE","detail":"x"}\n\n'), async (client) => {
    await assert.rejects(read(client), { reason: "GONE" });
  });
});

test("uploads send the bytes", async () => {
  await serve(json({ id: "d" }), async (client, seen) => {
    const header = { collection: "c", filename: "é.txt", mediaType: "text/plain" };
    await new Retrieval(client).uploadDocument(header, new TextEncoder().encode("bonjour"));
    assert.equal(seen[0].url, "/v1/collections/c/documents?filename=%C3%A9.txt");
    assert.equal(seen[0].headers["content-type"], "text/plain");
    assert.equal(seen[0].body, "bonjour");
  });
});
