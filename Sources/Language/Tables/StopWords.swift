/// Words that say nothing about a text's subject. Spelled as people write them; normalised when loaded.
///
/// The Arabic list leaves out على, because it cannot be told from the name علي once ya and alef maqsura are one
/// letter; its frequency makes it weigh little anyway.
enum StopWords {
    static let arabic = load(
        """
        في من إلى عن مع هذا هذه ذلك تلك هؤلاء أولئك التي الذي الذين اللذان اللتان اللواتي ما ماذا لماذا هل أن إن أنه
        أنها إنه إنها كان كانت يكون تكون كانوا ليس ليست لا لم لن قد لقد ثم أو أم بل لكن حتى إذا إذ كل بعض غير سوى أي أية
        هو هي هم هن أنا نحن أنت أنتم كما بما مما فيما عما عند عندما بين بعد قبل حيث منذ خلال حول دون ضد نحو لدى كيف متى
        أين كم ومن وفي فيه فيها منه منها به بها له لها لهم عليه عليها إليه إليها عنه عنها وهو وهي وكان وقد ولا ولم فإن
        وأن وإن بأن لأن كأن لو لولا أما إما إلا فقط أيضا كذلك هنا هناك الآن يا ذات ذو
        يمكن يمكنني يمكننا تمكن يجب ينبغي يتم تتم يوجد توجد بكم لمن عبر بأي لأي بأية لأية
        """)

    static let french = load(
        """
        l d j m t s n c qu jusqu lorsqu puisqu quoiqu presqu quelqu
        le la les un une des du de au aux et ou où mais donc or ni car que qui quoi dont ce cet cette ces cela ça ceci
        je tu il elle on nous vous ils elles me te se moi toi soi lui leur leurs y en mon ton son ma ta sa mes tes ses
        notre votre nos vos est es suis sont sommes êtes était étaient été être étant sera seront serait soit soient
        a as ai ont avons avez avait avaient avoir ayant aura auront aurait eu
        ne pas plus non aussi très trop peu si comme quand lorsque puisque parce afin ainsi alors
        à dans par pour sur sous avec sans vers chez entre contre depuis pendant avant après lors selon dès
        quel quelle quels quelles lequel laquelle lesquels lesquelles comment pourquoi combien
        tout toute tous toutes autre autres même mêmes tel telle tels telles chaque quelque quelques aucun aucune
        fait faire faut peut peuvent doit doivent cas c'est n'est ici là puis plutôt encore déjà maintenant uniquement seulement
        ainsi certain certains certaine certaines divers diverses
        """)

    static let english = load(
        """
        a an the and or but nor so if then else of to in on at by for with from into onto out over under about
        since until while because up down off above below between through during before after against within without upon
        is are was were be been being am do does did doing have has had having will would shall should can could
        may might must i you he she it we they me him her us them my your his its our their mine yours ours theirs
        this that these those which who whom whose what when where why how there here
        not no yes than too very just only also as such same other any each some all both either neither more most many much
        still yet now even ever instead via like else own etc
        s t ll re ve don doesn didn isn aren wasn weren won wouldn
        """)

    private static func load(_ words: String) -> Set<[Unicode.Scalar]> {
        var set: Set<[Unicode.Scalar]> = []
        for word in words.split(whereSeparator: \.isWhitespace) {
            for token in Tokenizer.tokens(in: NormalizedText(word)) { set.insert(token.scalars) }
        }
        return set
    }
}
