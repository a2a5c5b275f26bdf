/// What tells French from English: frequent words that the other language does not have, and frequent endings
/// and letter groups for texts too short to hold such a word.
enum LanguageMarkers {
    static let frenchWords = words(
        """
        le la les des du une est et dans pour que qui sur avec par au aux ce cette ces son sa ses leur pas plus ne
        nous vous il elle ils sont être avoir mais comme ou où quel quelle quels quelles comment pourquoi combien faut
        peut doit sans sous entre après avant quand été fait tout tous toute même aussi chez lors selon dont
        l d j qu n c m s je tu un de en moi mon ma mes
        """)
    static let englishWords = words(
        """
        the of and to in is are was were be been for with that this these those it its by from at as an or not but
        have has had will would can could should may must do does did what which who when where why how there their
        they he she we you your our his her if then than into about between under all any each some other more most
        i my me on so
        """)
    /// Groups of letters, most telling first; a space stands for the edge of a word.
    static let frenchGroups = groups(
        "eau oeu eux aux ais ait ois oit que qui eur euse ment tion_ ance ence elle ette ille_ eill ign ogn ouv oux è ê ç à ù û î ô œ é _l'_ _d'_ ité_ ée_ és_ ées_ ier_ ière"
    )
    static let englishGroups = groups(
        "th _wh ing_ ght ly_ ed_ sh ee oo ck ow aw ew _kn ough ould ness ful_ tion_ y_ ay_ ey_ wn k_ ts_ ies_ _un able_ ity_ w"
    )

    private static func words(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map { NormalizedText($0).string })
    }

    private static func groups(_ text: String) -> [[Unicode.Scalar]] {
        text.split(whereSeparator: \.isWhitespace).map { word in word.unicodeScalars.map { $0 == "_" ? " " : $0 } }
    }
}
