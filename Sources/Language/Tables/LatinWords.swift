/// French and English words that the rules of the stemmers get wrong: stem, then the words that share it.
enum LatinWords {
    static let french = pairs(
        """
        travail:travail,travaux bail:bail,baux oeil:oeil,yeux an:an,ans impot:impot,impots mois:mois pays:pays
        taux:taux prix:prix cas:cas corps:corps temps:temps acces:acces proces:proces bras:bras bras:bras fois:fois
        avis:avis permis:permis statut:statut,statuts cout:cout,couts choix:choix voix:voix deces:deces
        mer:mer hiver:hiver fer:fer cher:cher,chere,chers,cheres hier:hier super:super
        """)

    static let english = pairs(
        """
        person:person,persons,people man:man,men woman:woman,women child:child,children tax:tax,taxes,taxed,taxing
        business:business,businesses address:address,addresses process:process,processes,processed,processing
        access:access,accessed,accesses series:series news:news always:always bus:bus,buses gas:gas
        pay:pay,pays,paid,paying,payer lease:lease,leases,leased,leasing thing:thing,things during:during
        need:need,needs,needed feed:feed fed:fed speed:speed seed:seed bring:bring,brings king:king ring:ring
        string:string,strings spring:spring analysis:analysis,analyses status:status,statuses basis:basis,bases
        """)

    private static func pairs(_ words: String) -> [[Unicode.Scalar]: [Unicode.Scalar]] {
        var table: [[Unicode.Scalar]: [Unicode.Scalar]] = [:]
        for entry in words.split(whereSeparator: \.isWhitespace) {
            let parts = entry.split(separator: ":")
            guard parts.count == 2 else { continue }
            for form in parts[1].split(separator: ",") {
                table[Array(form.unicodeScalars)] = Array(parts[0].unicodeScalars)
            }
        }
        return table
    }
}
