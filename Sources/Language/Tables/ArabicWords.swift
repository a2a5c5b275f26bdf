/// Arabic words that rules alone get wrong. Spelled as people write them; normalised when loaded.
enum ArabicWords {
    /// Words whose own first letters look like the article. A word that starts with one of these keeps its beginning.
    static let radicalPrefixes: [[Unicode.Scalar]] = load(
        """
        التزام التحاق التماس التقاء التهاب التباس التفات إلغاء إلحاق إلزام إلكترون ألماني إلمام إلقاء التقاط التئام
        كالسيوم
        """)

    /// The same for short words, which only count as a whole because longer ones start with them by chance.
    static let radicalWords: Set<[Unicode.Scalar]> = Set(
        load("ألف ألفا ألم آلام الله بالغ بالغة بالغين بالون فالح والد والدة والدي والده والدها والدين والديه لله"))

    /// Broken plurals of law, tax, work and trade: singular, then its plurals.
    static let brokenPlurals: [[Unicode.Scalar]: [Unicode.Scalar]] = pairs(
        """
        قانون:قوانين ضريبة:ضرائب رسم:رسوم حق:حقوق عقد:عقود مال:أموال عمل:أعمال عامل:عمال أجر:أجور رأس:رؤوس شرط:شروط
        أجل:آجال مبدأ:مبادئ مادة:مواد باب:أبواب فصل:فصول نص:نصوص حكم:أحكام قرار:قرارات أمر:أوامر مرسوم:مراسيم
        شريك:شركاء مدير:مدراء وكيل:وكلاء عضو:أعضاء مجلس:مجالس مكتب:مكاتب كتاب:كتب بنك:بنوك مصرف:مصارف سوق:أسواق
        سعر:أسعار ربح:أرباح خسارة:خسائر دين:ديون قرض:قروض فرع:فروع مقر:مقار بلد:بلدان دولة:دول مدينة:مدن ولاية:ولايات
        شهر:أشهر,شهور يوم:أيام سنة:سنوات,سنين أسبوع:أسابيع ساعة:ساعات رقم:أرقام عدد:أعداد نوع:أنواع شكل:أشكال
        طفل:أطفال ولد:أولاد مرض:أمراض مريض:مرضى طبيب:أطباء دواء:أدوية مستخدم:مستخدمون موظف:موظفون صندوق:صناديق
        وثيقة:وثائق ملف:ملفات بيان:بيانات تقرير:تقارير جدول:جداول برنامج:برامج مشروع:مشاريع نظام:أنظمة,نظم شبكة:شبكات
        قسط:أقساط سهم:أسهم حصة:حصص نسبة:نسب مبلغ:مبالغ قيمة:قيم دخل:مداخيل نفقة:نفقات مصدر:مصادر مورد:موارد
        سبب:أسباب هدف:أهداف طريق:طرق طريقة:طرائق وسيلة:وسائل أداة:أدوات جهاز:أجهزة حاسوب:حواسيب خادم:خوادم
        حزمة:حزم إصدار:إصدارات قرص:أقراص بيت:بيوت أرض:أراض,أراضي عقار:عقارات تاجر:تجار حرفة:حرف مهنة:مهن
        شخص:أشخاص رجل:رجال امرأة:نساء عائلة:عائلات أسرة:أسر أب:آباء أم:أمهات ابن:أبناء طرف:أطراف جزاء:جزاءات
        عقوبة:عقوبات غرامة:غرامات محكمة:محاكم قاض:قضاة محام:محامون خبير:خبراء مدرسة:مدارس درس:دروس طالب:طلاب,طلبة
        علم:علوم بحث:بحوث,أبحاث فكرة:أفكار كلمة:كلمات سؤال:أسئلة جواب:أجوبة لغة:لغات حرف:حروف,أحرف
        طرد:طرود سلعة:سلع بضاعة:بضائع منتج:منتجات مصنع:مصانع آلة:آلات سيارة:سيارات طائرة:طائرات قطار:قطارات
        حادث:حوادث خطر:أخطار,مخاطر ضمان:ضمانات فائدة:فوائد قاعدة:قواعد لائحة:لوائح تدبير:تدابير شأن:شؤون أثر:آثار
        حد:حدود ظرف:ظروف مصلحة:مصالح هيئة:هيئات مركز:مراكز معهد:معاهد عنوان:عناوين اسم:أسماء صاحب:أصحاب فئة:فئات
        راتب:رواتب منحة:منح عطلة:عطل معاش:معاشات فاتورة:فواتير حساب:حسابات دفتر:دفاتر سجل:سجلات ختم:أختام
        """)

    private static func normal(_ word: Substring) -> [Unicode.Scalar] { NormalizedText(word).scalars }

    private static func load(_ words: String) -> [[Unicode.Scalar]] {
        words.split(whereSeparator: \.isWhitespace).map(normal)
    }

    private static func pairs(_ words: String) -> [[Unicode.Scalar]: [Unicode.Scalar]] {
        var table: [[Unicode.Scalar]: [Unicode.Scalar]] = [:]
        for entry in words.split(whereSeparator: \.isWhitespace) {
            let parts = entry.split(separator: ":")
            guard parts.count == 2 else { continue }
            for plural in parts[1].split(separator: ",") { table[normal(plural)] = normal(parts[0]) }
        }
        return table
    }
}
