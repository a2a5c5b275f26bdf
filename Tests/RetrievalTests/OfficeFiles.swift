import Embedded

@testable import Retrieval

/// Files that only programs can make, by the libraries of the runtime folder.
enum OfficeFiles {
    private static let start = """
        import io, sys, zipfile, docx, openpyxl
        out = io.BytesIO()
        def word(paragraphs):
            d = docx.Document()
            for p in paragraphs: d.add_paragraph(p)
            b = io.BytesIO(); d.save(b); return b
        def parts(source, change):
            target = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
            source.seek(0)
            for item in zipfile.ZipFile(source).infolist():
                data = zipfile.ZipFile(source).read(item)
                target.writestr(item.filename, change(item.filename, data))
            return target

        """

    /// What the script leaves in `out`.
    static func make(_ script: String) async throws -> [UInt8] {
        let program = start + script + "\nsys.stdout.buffer.write(out.getvalue())\n"
        let result = try await ChildProcess.run([Runtime().python, "-c", program], limits: ChildLimits())
        guard result.end == .exited(0) else { throw Failed(said: String(decoding: result.errors, as: UTF8.self)) }
        return try result.output.bytes(at: 0, count: result.output.count)
    }

    struct Failed: Error { let said: String }

    static func letter() async throws -> [UInt8] {
        try await make(
            """
            d = docx.Document(); d.core_properties.title = "Contrat de bail"
            d.add_heading("Le bail commercial", 1); d.add_paragraph("Le bail dure neuf ans au moins.")
            d.add_heading("Le loyer", 2); d.add_paragraph("Le loyer est de 120 000 dinars par mois.")
            t = d.add_table(rows=3, cols=2)
            for r, row in enumerate([["Ville", "Loyer"], ["Alger", "90 000"], ["Oran", "70 000"]]):
                for c, text in enumerate(row): t.cell(r, c).text = text
            d.add_paragraph("الإيجار يدفع كل شهر.")
            d.save(out)
            """)
    }
}
