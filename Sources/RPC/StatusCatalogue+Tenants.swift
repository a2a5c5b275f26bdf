/// Texts of the reasons of keys, tenants and the database.
extension StatusCatalogue {
    static let tenants = """
        CREDENTIAL_MALFORMED
        fr L'en-tête authorization doit être « Bearer » suivi d'une seule clé.
        ar ترويسة authorization هي Bearer يتبعها مفتاح واحد.
        en The authorization header is one "Bearer <key>".
        CREDENTIAL_MISSING
        fr L'appel n'a pas de clé : envoyez l'en-tête authorization: Bearer <clé>.
        ar النداء بلا مفتاح: أرسل الترويسة authorization: Bearer <المفتاح>.
        en The call has no credential: send the header authorization: Bearer <key>.
        DATABASE_ERROR
        fr La base de données a refusé une opération : signalez l'identifiant de la requête.
        ar رفضت قاعدة البيانات عملية: أبلغ عن معرّف الطلب.
        en The database refused an operation: report the request id.
        DATABASE_UNAVAILABLE
        fr La base de données est momentanément indisponible : réessayez.
        ar قاعدة البيانات غير متاحة حاليا: أعد المحاولة.
        en The database is away for the moment: try again.
        EMPTY_UPDATE_MASK
        fr update_mask est vide : nommez les champs à changer.
        ar الحقل update_mask فارغ: سمّ الحقول المراد تغييرها.
        en update_mask is empty: name the fields to change.
        FOREIGN_TENANT
        fr Une clé ne crée des clés que pour son propre locataire.
        ar لا ينشئ المفتاح مفاتيح إلا لمستأجره.
        en A key makes keys of its own tenant only.
        IMMUTABLE_FIELD
        fr Ce champ ne peut pas être changé.
        ar لا يمكن تغيير هذا الحقل.
        en This field cannot be changed.
        INVALID_GRACE
        fr Le sursis est hors limites.
        ar مهلة السماح خارج النطاق.
        en The grace is out of range.
        INVALID_ID
        fr L'identifiant n'a pas la forme prévue.
        ar المعرّف ليس بالشكل المتوقع.
        en The id has not the form of one.
        INVALID_NAME
        fr Le nom est vide, trop long ou contient des caractères interdits.
        ar الاسم فارغ أو طويل جدا أو يحوي محارف ممنوعة.
        en The name is empty, too long or has characters that are not allowed.
        INVALID_REASON
        fr Le motif est vide, trop long ou contient des caractères interdits.
        ar السبب فارغ أو طويل جدا أو يحوي محارف ممنوعة.
        en The reason is empty, too long or has characters that are not allowed.
        INVALID_SETTINGS
        fr Les réglages ne peuvent pas être enregistrés sous cette forme.
        ar لا يمكن حفظ الإعدادات بهذا الشكل.
        en The settings cannot be stored in this form.
        INVALID_SLUG
        fr Le nom court prend des lettres minuscules, des chiffres et des tirets.
        ar الاسم المختصر حروف لاتينية صغيرة وأرقام وشرطات.
        en The slug is made of lower-case letters, digits and hyphens.
        INVALID_TRIAL
        fr La durée d'essai est hors limites.
        ar مدة التجربة خارج النطاق.
        en The trial is out of range.
        INVALID_TTL
        fr La durée de vie est hors limites ; omettez-la pour une clé sans fin.
        ar مدة الصلاحية خارج النطاق؛ اتركها لمفتاح بلا نهاية.
        en The ttl is out of range; leave it out for a key without end.
        KEY_DISABLED
        fr La clé est désactivée.
        ar المفتاح معطل.
        en The key is disabled.
        KEY_EXPIRED
        fr La clé ou son secret remplacé a expiré.
        ar انتهت صلاحية المفتاح أو سره المستبدل.
        en The key or its rotated secret has expired.
        KEY_MALFORMED
        fr Ce n'est pas une clé de RAG-DZ : copiez la clé entière.
        ar هذا ليس مفتاحا من RAG-DZ: انسخ المفتاح كاملا.
        en This is no key of RAG-DZ: copy the whole key.
        KEY_NOT_FOUND
        fr Cette clé n'existe pas.
        ar هذا المفتاح غير موجود.
        en There is no such key.
        KEY_NOT_USABLE
        fr La clé est révoquée ou expirée : créez-en une autre.
        ar المفتاح ملغى أو منته: أنشئ مفتاحا آخر.
        en The key is revoked or expired: make another one.
        KEY_REVOKED
        fr La clé est révoquée.
        ar المفتاح ملغى.
        en The key is revoked.
        KEY_UNKNOWN
        fr Cette clé n'existe pas.
        ar لا يوجد مفتاح كهذا.
        en There is no such key.
        NO_SCOPES
        fr Une clé sans portée ne sert à rien : nommez-en, par exemple retrieval.read.
        ar مفتاح بلا صلاحيات لا يفيد: سمّ بعضها، مثل retrieval.read.
        en A key without scopes can do nothing: name some, such as retrieval.read.
        OPERATOR_ONLY_FIELD
        fr Seul un opérateur de la plateforme change ce champ.
        ar لا يغير هذا الحقل إلا مشغل المنصة.
        en Only an operator of the platform changes this field.
        OPERATOR_REQUIRED
        fr Cette méthode est réservée aux opérateurs de la plateforme.
        ar هذه العملية لمشغلي المنصة.
        en This method is for operators of the platform.
        SCOPE_MISSING
        fr La clé n'a pas la portée que cette méthode demande.
        ar ليست للمفتاح الصلاحية التي تشترطها هذه العملية.
        en The key lacks the scope that this method asks for.
        SCOPE_NOT_HELD
        fr Une clé ne donne que des portées qu'elle a elle-même.
        ar لا يمنح المفتاح إلا صلاحيات يملكها.
        en A key hands out only scopes that its maker holds.
        SETTINGS_TOO_LARGE
        fr Les réglages sont trop grands.
        ar الإعدادات كبيرة جدا.
        en The settings are too large.
        TENANT_DELETED
        fr Le locataire est supprimé ou en cours de suppression.
        ar المستأجر محذوف أو قيد الحذف.
        en The tenant is deleted or being deleted.
        TENANT_EXISTS
        fr Un locataire de ce nom court existe déjà.
        ar يوجد مستأجر بهذا الاسم المختصر.
        en There is a tenant of this slug already.
        TENANT_ID_REQUIRED
        fr Un opérateur nomme le locataire dans tenant_id.
        ar يسمي المشغل المستأجر في tenant_id.
        en An operator names the tenant in tenant_id.
        TENANT_KEY_REQUIRED
        fr Cette méthode agit pour un locataire : appelez-la avec sa clé.
        ar تعمل هذه العملية باسم مستأجر: استدعها بمفتاحه.
        en This method acts for a tenant: call it with a tenant's key.
        TENANT_NOT_FOUND
        fr Ce locataire n'existe pas.
        ar هذا المستأجر غير موجود.
        en There is no such tenant.
        TENANT_SUSPENDED
        fr Le locataire est suspendu : adressez-vous à l'opérateur de la plateforme.
        ar المستأجر موقوف: اتصل بمشغل المنصة.
        en The tenant is suspended: ask the platform's operator.
        TOO_MANY_SCOPES
        fr La clé a trop de portées.
        ar للمفتاح صلاحيات أكثر من المسموح.
        en The key has too many scopes.
        UNKNOWN_FIELD
        fr Un champ nommé n'existe pas.
        ar أحد الحقول المسماة غير موجود.
        en A named field does not exist.
        UNKNOWN_LANGUAGE
        fr Cette langue n'est pas proposée : fr, ar ou en.
        ar هذه اللغة غير متاحة: fr أو ar أو en.
        en This language is not offered: fr, ar or en.
        UNKNOWN_PLAN
        fr Cette formule n'existe pas.
        ar هذا الاشتراك غير موجود.
        en There is no such plan.
        UNKNOWN_REGION
        fr Cette région n'existe pas.
        ar هذه المنطقة غير موجودة.
        en There is no such region.
        UNKNOWN_SCOPE
        fr Cette portée n'existe pas.
        ar هذه الصلاحية غير موجودة.
        en There is no such scope.
        UNKNOWN_TIMEZONE
        fr Ce fuseau horaire n'existe pas.
        ar هذه المنطقة الزمنية غير موجودة.
        en There is no such time zone.
        ENTRY_CHANGED
        fr Une entrée du journal n'est plus ce qu'elle était.
        ar قيد من السجل لم يعد كما كان.
        en An entry of the log is not what it was.
        ENTRY_MISSING
        fr Une entrée du journal manque.
        ar قيد من السجل مفقود.
        en An entry of the log is missing.
        END_MISSING
        fr La fin du journal manque.
        ar نهاية السجل مفقودة.
        en The end of the log is missing.
        KNOWN_HASH_DIFFERS
        fr Le journal ne correspond pas à l'empreinte notée auparavant.
        ar السجل لا يطابق البصمة المدونة سابقا.
        en The log does not fit the hash that was written down earlier.
        KNOWN_HASH
        fr Donnez le numéro et l'empreinte d'une vérification antérieure.
        ar أعط رقم تحقق سابق وبصمته.
        en Give the number and the hash of an earlier verification.
        INVALID_LIMITS
        fr Les limites de la clé ne sont pas valables.
        ar حدود المفتاح غير صالحة.
        en The limits of the key are not valid.
        TOO_MANY_NETWORKS
        fr La clé a trop de réseaux.
        ar للمفتاح شبكات أكثر من اللازم.
        en The key has too many networks.
        INVALID_NETWORK
        fr Un réseau s'écrit 10.0.0.0/8, 192.0.2.7 ou 2001:db8::/32.
        ar تكتب الشبكة 10.0.0.0/8 أو 192.0.2.7 أو 2001:db8::/32.
        en A network is written 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32.
        INVALID_STATUS
        fr Une clé est activée ou désactivée ; on y met fin en la révoquant.
        ar يفعَّل المفتاح أو يعطَّل؛ وينتهي بإلغائه.
        en A key is turned on or off; revoking it ends it.
        INVALID_UPDATE_MASK
        fr Ce champ ne peut pas être modifié.
        ar لا يمكن تغيير هذا الحقل.
        en This field cannot be changed.
        ADDRESS_NOT_ALLOWED
        fr La clé ne peut pas être utilisée depuis cette adresse.
        ar لا يجوز استعمال المفتاح من هذا العنوان.
        en The key may not be used from this address.
        OWN_KEY
        fr Une clé ne se modifie pas elle-même.
        ar لا يغير المفتاح نفسه.
        en A key does not change itself.
        RATE_LIMITED
        fr La limite d'appels est atteinte : revenez après le délai indiqué.
        ar بلغ عدد الطلبات حده: عد بعد المهلة المذكورة.
        en The limit of calls is used up: come back after the time that is named.
        MODEL_TOKENS_LIMITED
        fr La limite de jetons par minute est atteinte : revenez après le délai indiqué.
        ar بلغ عدد الرموز في الدقيقة حده: عد بعد المهلة المذكورة.
        en The minute's limit of tokens is used up: come back after the time that is named.
        CONCURRENCY_LIMITED
        fr Trop d'appels de cette clé sont en cours : attendez la fin de l'un d'eux.
        ar طلبات جارية كثيرة لهذا المفتاح: انتظر انتهاء أحدها.
        en Too many calls of this key are under way: wait until one of them has ended.
        EXPIRY_NOT_HELD
        fr Une clé qui expire ne donne pas de clé qui lui survit : fixez un ttl plus court.
        ar المفتاح المحدود الأجل لا يمنح مفتاحا يدوم بعده: حدد ttl أقصر.
        en A key that ends makes no key that outlives it: set a shorter ttl.
        INVALID_REQUEST_ID
        fr request_id prend 1 à 100 caractères ASCII visibles.
        ar الحقل request_id من 1 إلى 100 محرف ASCII مرئي.
        en request_id is 1 to 100 visible ASCII characters.
        INVALID_ROTATION_PERIOD
        fr La période de rotation est d'une heure à 366 jours.
        ar فترة التدوير من ساعة إلى 366 يوما.
        en The rotation period is an hour to 366 days.
        LIMIT_NOT_HELD
        fr Une clé limitée ne donne pas de clé avec une limite plus haute ou sans limite.
        ar المفتاح المحدود لا يمنح مفتاحا بحد أعلى أو بلا حد.
        en A key with limits makes no key with a higher limit or without one.
        NETWORK_NOT_HELD
        fr Une clé liée à des réseaux ne donne que des clés liées à ces réseaux.
        ar المفتاح المقيد بشبكات لا يمنح إلا مفاتيح ضمن تلك الشبكات.
        en A key that is bound to networks makes only keys within them.
        ROTATION_NOT_REPEATABLE
        fr Le secret de cette rotation ne peut plus être montré : recommencez avec un autre request_id.
        ar لا يمكن عرض سر هذا التدوير مرة أخرى: دوّر بقيمة أخرى للحقل request_id.
        en The secret of this rotation cannot be shown again: rotate with another request_id.
        RATE_CONTENDED
        fr Trop d'appels à la fois : réessayez dans un instant.
        ar طلبات كثيرة في آن واحد: أعد المحاولة بعد لحظة.
        en Too many calls at once: try again in a moment.
        DATABASE_BUSY
        fr La base de données est occupée par d'autres appels : réessayez dans un moment.
        ar قاعدة البيانات مشغولة بطلبات أخرى: أعد المحاولة بعد لحظة.
        en The database is busy with other calls: try again in a moment.
        DATABASE_SLOW
        fr La base de données a mis trop de temps et l'opération a été abandonnée : réessayez dans un moment.
        ar استغرقت قاعدة البيانات وقتا طويلا فتُركت العملية: أعد المحاولة بعد لحظة.
        en The database took too long and the operation was given up: try again in a moment.
        ERASURE_NOT_FOUND
        fr Ce client n'est pas en cours de suppression.
        ar هذا العميل ليس قيد الحذف.
        en The tenant is not being deleted.
        ERASURE_REPORT_DAMAGED
        fr Le rapport de suppression ne correspond pas à son empreinte.
        ar تقرير الحذف لا يطابق بصمته.
        en The report does not fit its hash.
        SLUG_DIFFERS
        fr Répétez le nom court du client : il montre que c'est bien lui qui est visé.
        ar كرر الاسم القصير للعميل: فهو يبين أنه المقصود.
        en Repeat the tenant's slug: it shows that this tenant is meant.
        QUOTA_EXCEEDED
        fr Le quota « {quota} » est atteint : {used} sur {limit}. Supprimez-en ou choisissez une formule plus grande.
        ar بلغت حصة « {quota} » حدها: {used} من {limit}. احذف بعضها أو اختر اشتراكا أكبر.
        en The quota of {quota} is full: {used} of {limit}. Delete some, or ask for a bigger plan.
        QUOTA_USED_UP
        fr Le quota « {quota} » de ce mois est épuisé : {used} sur {limit}. Il reprend le {reset_time}.
        ar نفدت حصة « {quota} » لهذا الشهر: {used} من {limit}. تتجدد في {reset_time}.
        en The month's quota of {quota} is used up: {used} of {limit}. It begins anew at {reset_time}.
        UNKNOWN_QUOTA
        fr Ce quota n'existe pas.
        ar هذه الحصة غير موجودة.
        en There is no such quota.
        INVALID_LIMIT
        fr La limite d'un quota est 0 ou plus, ou sans limite.
        ar حد الحصة 0 أو أكثر، أو بلا حد.
        en The limit of a quota is 0 or more, or none at all.
        """
}
