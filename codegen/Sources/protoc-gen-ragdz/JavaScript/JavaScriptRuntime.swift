/// The part of the JavaScript client that is the same for every contract.
enum JavaScriptRuntime {
    static let text = #"""
        /** An error of the server (RFC 9457): `reason` is stable and for machines, `message` for people. */
        export class Problem extends Error {
            constructor(problem, status) {
                super(problem.detail ?? problem.title ?? `HTTP ${status}`);
                this.name = "Problem";
                this.status = problem.status ?? status;
                this.code = problem.code ?? "UNKNOWN";
                this.reason = problem.reason ?? this.code;
                this.violations = problem.violations ?? [];
                this.retryAfterSeconds = problem.retryAfterSeconds;
                this.requestId = problem.instance?.replace("urn:ragdz:request:", "");
            }
        }

        /** Talks to one server with one key. Works wherever `fetch` is. */
        export class Client {
            #base;
            #headers;
            #fetch;

            constructor({ baseUrl, key, language, fetch: fetchFunction = globalThis.fetch }) {
                this.#base = String(baseUrl).replace(/\/+$/, "");
                this.#headers = { ...(key && { authorization: `Bearer ${key}` }), ...(language && { "accept-language": language }) };
                this.#fetch = fetchFunction;
            }

            async unary(verb, template, body, request, options) {
                const { path, payload } = place(template, body, request);
                const response = await this.#send(verb, path, options, payload === undefined ? undefined : JSON.stringify(payload), "application/json");
                return response.json();
            }

            /** Yields the messages of a server stream as they come; leaving the loop early ends the call. */
            async *stream(verb, template, body, request, options) {
                const { path, payload } = place(template, body, request);
                const response = await this.#send(verb, path, options, payload === undefined ? undefined : JSON.stringify(payload), "application/json", "text/event-stream");
                for await (const event of serverSentEvents(response.body)) {
                    if (event.name === "end") return;
                    if (event.name === "error") throw new Problem(JSON.parse(event.data), response.status);
                    yield JSON.parse(event.data);
                }
                throw new Problem({ code: "UNAVAILABLE", reason: "STREAM_BROKEN", detail: "The stream ended before its end." }, response.status);
            }

            async upload(verb, template, header, data, options) {
                const { mediaType, ...rest } = header;
                const { path } = place(template, "", rest);
                const type = mediaType || data?.type || "application/octet-stream";
                const response = await this.#send(verb, path, options, data, type);
                return response.json();
            }

            async #send(verb, path, options, body, type, accept = "application/json") {
                const headers = { accept, ...this.#headers, ...(body !== undefined && { "content-type": type }), ...options.headers };
                const duplex = body instanceof ReadableStream ? { duplex: "half" } : {};
                const response = await this.#fetch(this.#base + path, { method: verb, headers, body, signal: options.signal, ...duplex });
                if (response.ok) return response;
                throw new Problem(await response.json().catch(() => ({})), response.status);
            }
        }

        /** Splits a request into the path, the query and the body, as the method's HTTP rule says. */
        function place(template, body, request) {
            const rest = structuredClone(request);
            const filled = template.replace(/\{([^}]+)\}/g, (_, name) => {
                const parts = name.split(".");
                const last = parts.pop();
                const owner = parts.reduce((object, part) => object?.[part], rest);
                const value = owner?.[last];
                if (value === undefined || value === "") throw new TypeError(`${name} is missing: it is a part of the path`);
                delete owner[last];
                return encodeURIComponent(value);
            });
            if (body === "*") return { path: filled, payload: rest };
            let payload;
            if (body) {
                payload = rest[body] ?? {};
                delete rest[body];
            }
            const query = new URLSearchParams(pairs(rest, "")).toString();
            return { path: query ? `${filled}?${query}` : filled, payload };
        }

        /** `{a: {b: 1}, c: [2, 3]}` as `a.b=1&c=2&c=3`. */
        function pairs(object, prefix) {
            return Object.entries(object).flatMap(([name, value]) => {
                if (value === undefined || value === null) return [];
                if (Array.isArray(value)) return value.map((one) => [prefix + name, String(one)]);
                if (typeof value === "object") return pairs(value, `${prefix}${name}.`);
                return [[prefix + name, String(value)]];
            });
        }

        async function* serverSentEvents(stream) {
            const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
            let text = "";
            try {
                while (true) {
                    const { value, done } = await reader.read();
                    if (done) return;
                    text += value;
                    let end;
                    while ((end = text.indexOf("\n\n")) >= 0) {
                        const event = { name: "message", data: "" };
                        for (const line of text.slice(0, end).split("\n")) {
                            if (line.startsWith("event: ")) event.name = line.slice(7);
                            if (line.startsWith("data: ")) event.data += line.slice(6);
                        }
                        text = text.slice(end + 2);
                        if (event.data) yield event;
                    }
                }
            } finally {
                await reader.cancel().catch(() => {});
            }
        }
        """#

    static let declarations = #"""
        export interface ClientOptions {
            /** e.g. "https://rag.example". */
            baseUrl: string | URL;
            /** An API key or an operator's credential. */
            key?: string;
            /** "fr", "ar" or "en": the language of error texts. */
            language?: string;
            fetch?: typeof fetch;
        }

        export interface CallOptions {
            signal?: AbortSignal;
            headers?: Record<string, string>;
        }

        export declare class Client {
            constructor(options: ClientOptions);
        }

        export declare class Problem extends Error {
            readonly status: number;
            readonly code: string;
            readonly reason: string;
            readonly violations: { field: string; description: string }[];
            readonly retryAfterSeconds?: number;
            readonly requestId?: string;
        }
        """#
}
