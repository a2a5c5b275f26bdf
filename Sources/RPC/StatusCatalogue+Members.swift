/// Texts of the reasons of members, their sessions and operators.
extension StatusCatalogue {
    static let members = """
        LOGIN_REFUSED
        fr L'organisation, l'adresse et le mot de passe ne vont pas ensemble.
        ar المؤسسة والعنوان وكلمة السر لا تتطابق.
        en Tenant, address and password do not belong together.
        LOGIN_DELAYED
        fr Trop de tentatives de connexion : revenez après le délai indiqué.
        ar محاولات دخول كثيرة: عد بعد المهلة المذكورة.
        en Too many attempts to log in: come back after the time that is named.
        LOGIN_BUSY
        fr Trop de connexions à la fois : réessayez dans un instant.
        ar عمليات دخول كثيرة في آن واحد: أعد المحاولة بعد لحظة.
        en Too many logins at once: try again in a moment.
        LOGIN_RACE
        fr Le compte a changé pendant la connexion : réessayez.
        ar تغير الحساب أثناء الدخول: أعد المحاولة.
        en The account changed during the login: try again.
        SESSION_ENDED
        fr La session est terminée : connectez-vous de nouveau.
        ar انتهت الجلسة: سجل الدخول من جديد.
        en The session has ended: log in again.
        SESSION_EXPIRED
        fr La session a expiré : connectez-vous de nouveau.
        ar انقضت مدة الجلسة: سجل الدخول من جديد.
        en The session is over: log in again.
        SESSION_REUSED
        fr Le jeton de renouvellement a déjà servi, la session est donc terminée : connectez-vous de nouveau.
        ar سبق استعمال رمز التجديد فأُنهيت الجلسة: سجل الدخول من جديد.
        en The refresh token was used before, so the session is ended: log in again.
        SESSION_TOKEN_INVALID
        fr Le jeton de session est tronqué, modifié ou ne vient pas d'ici : connectez-vous de nouveau.
        ar رمز الجلسة مقطوع أو معدل أو ليس من هنا: سجل الدخول من جديد.
        en The session token is cut off, changed or not from here: log in again.
        SESSION_TOKEN_EXPIRED
        fr Le jeton de session a expiré : renouvelez-le.
        ar انتهت مدة رمز الجلسة: جدده.
        en The session token is over: refresh it.
        SESSION_NOT_FOUND
        fr Cette session n'existe pas.
        ar هذه الجلسة غير موجودة.
        en There is no such session.
        MEMBER_NOT_FOUND
        fr Ce membre n'existe pas.
        ar هذا العضو غير موجود.
        en There is no such member.
        MEMBER_EXISTS
        fr Un membre a déjà cette adresse.
        ar يوجد عضو بهذا العنوان.
        en A member has this address already.
        MEMBER_REQUIRED
        fr Cette méthode agit pour une personne : appelez-la avec une session.
        ar تعمل هذه العملية باسم شخص: استدعها بجلسة.
        en This method acts for a person: call it with a session.
        LAST_OWNER
        fr Un locataire garde un propriétaire : nommez-en d'abord un autre.
        ar لا بد للمستأجر من مالك: عيّن مالكا آخر أولا.
        en A tenant keeps an owner: make somebody else an owner first.
        ROLE_TOO_HIGH
        fr Nul ne donne, ne change ni ne retire un rôle au-dessus de ses propres droits.
        ar لا يمنح أحد دورا فوق صلاحياته ولا يغيره ولا يسحبه.
        en Nobody gives, changes or takes a role above the own rights.
        UNKNOWN_ROLE
        fr Ce rôle n'existe pas.
        ar هذا الدور غير موجود.
        en There is no such role.
        INVALID_EMAIL
        fr L'adresse n'a pas la forme prévue, par exemple amina@example.dz.
        ar العنوان ليس بالشكل المتوقع، مثل amina@example.dz.
        en The address has not the form of one, such as amina@example.dz.
        INVALID_PASSWORD
        fr Le mot de passe compte au moins 10 caractères et au plus 1 024 octets.
        ar كلمة السر من 10 محارف على الأقل إلى 1024 بايت على الأكثر.
        en The password has at least 10 characters and at most 1,024 bytes.
        PASSWORD_WRONG
        fr Le mot de passe actuel est un autre.
        ar كلمة السر الحالية غير هذه.
        en The current password is another one.
        PASSWORD_RACE
        fr Un autre appel a changé le mot de passe : réessayez.
        ar غيّر طلب آخر كلمة السر: أعد المحاولة.
        en Another call changed the password: try again.
        INVITATION_INVALID
        fr Cette invitation n'existe pas : copiez le jeton entier.
        ar هذه الدعوة غير موجودة: انسخ الرمز كاملا.
        en There is no such invitation: copy the whole token.
        INVITATION_USED
        fr L'invitation a déjà été acceptée.
        ar سبق قبول الدعوة.
        en The invitation was accepted before.
        INVITATION_OVER
        fr L'invitation a expiré ou a été retirée : demandez-en une autre.
        ar انتهت الدعوة أو سُحبت: اطلب دعوة أخرى.
        en The invitation is over or was taken back: ask for another one.
        INVITATION_NOT_FOUND
        fr Cette invitation n'existe pas.
        ar هذه الدعوة غير موجودة.
        en There is no such invitation.
        INVITATIONS_FULL
        fr Trop d'invitations ouvertes : révoquez-en, ou attendez qu'elles soient acceptées ou expirées.
        ar دعوات مفتوحة كثيرة: ألغ بعضها أو انتظر قبولها أو انتهاء مدتها.
        en Too many open invitations: revoke some, or wait until they are accepted or over.
        INVITATION_RACE
        fr Deux appels ont invité cette adresse à la fois : réessayez.
        ar دعا طلبان هذا العنوان في آن واحد: أعد المحاولة.
        en Two calls invited this address at once: try again.
        OPERATOR_EXISTS
        fr Un opérateur actif porte déjà ce nom.
        ar يوجد مشغل نشط بهذا الاسم.
        en There is a live operator of this name.
        OPERATOR_NOT_FOUND
        fr Cet opérateur n'existe pas.
        ar هذا المشغل غير موجود.
        en There is no such operator.
        LAST_OPERATOR
        fr La plateforme garde un opérateur : créez-en d'abord un autre.
        ar لا بد للمنصة من مشغل: أنشئ مشغلا آخر أولا.
        en The platform keeps an operator: make another one first.
        """
}
