internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct DocumentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doc", abstract: "Documents: text, Markdown, HTML, PDF, DOCX, XLSX, CSV and mail.",
        subcommands: [UploadCommand.self, List.self, Get.self, Text.self, Update.self, Delete.self])

    typealias Client = Ragdz_V1_Retrieval.Client

    static func show(_ document: Ragdz_V1_Document, json: Bool) throws {
        if json { return try Terminal.printJSON(document) }
        Terminal.fields([
            ("id", document.id), ("title", document.title), ("file", document.filename),
            ("type", document.mediaType), ("language", document.language),
            ("size", Terminal.bytes(document.byteSize)), ("characters", String(document.characterCount)),
            ("pages", document.pageCount == 0 ? "" : String(document.pageCount)),
            ("chunks", String(document.chunkCount)), ("version", String(document.version)), ("sha256", document.sha256),
            ("created", Terminal.date(document.createTime)),
            ("country", document.attributes?.country ?? ""), ("theme", document.attributes?.theme ?? ""),
            ("source", document.attributes?.source ?? ""),
            ("official", document.attributes?.official == true ? "yes" : ""),
            ("date", Terminal.date(document.attributes?.date)),
            ("tags", document.attributes?.tags.joined(separator: " ") ?? ""),
            ("groups", document.attributes?.groups.joined(separator: " ") ?? ""),
        ])
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the documents of a collection.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions
        @Option(help: "Id or name.") var collection: String

        func run() async throws {
            var request = Ragdz_V1_ListDocumentsRequest()
            request.collection = collection
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listDocuments(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "LANG", "TYPE", "CHUNKS", "TITLE"],
                    page.documents.map { [$0.id, $0.language, $0.mediaType, String($0.chunkCount), $0.title] })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows what is known of a document.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_GetDocumentRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).getDocument(request, options: session.options), json: json)
            }
        }
    }

    struct Text: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the extracted text, or a part of it.",
            discussion: "A citation's range, e.g. --range 120-180, prints the cited words again.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Option(help: "START-END in characters (Unicode scalars), end exclusive.") var range: String?

        func run() async throws {
            let bounds = try range.map(Self.bounds)
            var request = Ragdz_V1_GetDocumentTextRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                let text = try await Client(session.client).getDocumentText(request, options: session.options)
                if json { return try Terminal.printJSON(text) }
                guard let bounds else { return Terminal.write(text.text + "\n") }
                let scalars = text.text.unicodeScalars.dropFirst(bounds.lowerBound).prefix(bounds.count)
                Terminal.write(String(String.UnicodeScalarView(scalars)) + "\n")
            }
        }

        private static func bounds(_ text: String) throws -> Range<Int> {
            let parts = text.split(separator: "-").compactMap { Int($0) }
            guard parts.count == 2, parts[0] <= parts[1] else { throw Failure.usage("Write --range as START-END.") }
            return parts[0]..<parts[1]
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes what a document is about and who may see it.",
            discussion: "Options that are left out change nothing; --clear empties a field: --clear groups.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @OptionGroup(title: "What it is about") var about: AttributeOptions
        @Option(help: "Empties a field: country, theme, source, date, tags or groups; may be given several times.")
        var clear: [String] = []

        func run() async throws {
            var request = Ragdz_V1_UpdateDocumentRequest()
            request.id = id
            let (attributes, paths) = try about.read()
            request.attributes = attributes
            request.updateMask = Google_Protobuf_FieldMask(paths: paths + clear.filter { !paths.contains($0) })
            try await Session.run(connection) { [request, json = connection.json] session in
                let document = try await Client(session.client).updateDocument(request, options: session.options)
                try DocumentCommand.show(document, json: json)
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes a document.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_DeleteDocumentRequest()
            request.id = id
            try await Session.run(connection) { [request] session in
                _ = try await Client(session.client).deleteDocument(request, options: session.options)
                Terminal.complain("Deleted \(request.id).")
            }
        }
    }
}
