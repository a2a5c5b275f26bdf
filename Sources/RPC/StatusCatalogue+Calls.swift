/// Texts of the reasons that belong to no feature: status codes, transport, bridge, keys and tenants.
extension StatusCatalogue {
    static let calls = """
        OK
        fr Fait.
        ar تم.
        en Done.
        CANCELLED
        fr L'appel a été annulé.
        ar أُلغي الطلب.
        en The call was cancelled.
        UNKNOWN
        fr L'appel a échoué sans autre précision.
        ar فشل الطلب دون توضيح آخر.
        en The call failed without further detail.
        INVALID_ARGUMENT
        fr La requête n'est pas valable : vérifiez ses champs.
        ar الطلب غير صالح: تحقق من حقوله.
        en The request is not valid: check its fields.
        DEADLINE_EXCEEDED
        fr Le délai de l'appel est passé avant la fin : réessayez avec un délai plus long.
        ar انقضت مهلة الطلب قبل اكتماله: أعد المحاولة بمهلة أطول.
        en The deadline passed before the call was done: try again with a longer one.
        NOT_FOUND
        fr L'objet demandé n'existe pas.
        ar العنصر المطلوب غير موجود.
        en What was asked for does not exist.
        ALREADY_EXISTS
        fr L'objet existe déjà.
        ar العنصر موجود من قبل.
        en It exists already.
        PERMISSION_DENIED
        fr L'accès est refusé.
        ar الوصول مرفوض.
        en Access is denied.
        RESOURCE_EXHAUSTED
        fr Une limite est atteinte : réessayez plus tard ou demandez moins.
        ar تم بلوغ حد: أعد المحاولة لاحقا أو اطلب أقل.
        en A limit is reached: try again later, or ask for less.
        FAILED_PRECONDITION
        fr Ce n'est pas possible dans l'état actuel.
        ar هذا غير ممكن في الحالة الراهنة.
        en This is not possible in the present state.
        ABORTED
        fr Un autre changement est intervenu en même temps : réessayez.
        ar حدث تغيير آخر في الوقت نفسه: أعد المحاولة.
        en Another change came in between: try again.
        OUT_OF_RANGE
        fr Une valeur est hors limites.
        ar إحدى القيم خارج النطاق.
        en A value is out of range.
        UNIMPLEMENTED
        fr Ce serveur ne propose pas cette opération.
        ar هذا الخادم لا يوفر هذه العملية.
        en This server does not offer this operation.
        INTERNAL
        fr Le serveur a rencontré une erreur imprévue : réessayez, puis signalez l'identifiant de la requête.
        ar واجه الخادم خطأ غير متوقع: أعد المحاولة، ثم أبلغ عن معرّف الطلب.
        en The server met an unexpected condition: try again, then report the request id.
        UNAVAILABLE
        fr Le service est momentanément indisponible : réessayez.
        ar الخدمة غير متاحة حاليا: أعد المحاولة.
        en The service is away for the moment: try again.
        DATA_LOSS
        fr Des données ont été endommagées en chemin : renvoyez-les.
        ar تضررت بيانات في الطريق: أعد إرسالها.
        en Data was damaged on its way: send it again.
        UNAUTHENTICATED
        fr La clé manque ou n'est pas acceptée.
        ar المفتاح غائب أو غير مقبول.
        en The key is missing or not accepted.
        BAD_GZIP
        fr Le message compressé n'est pas du gzip valable : vérifiez le client.
        ar الرسالة المضغوطة ليست gzip صالحا: تحقق من العميل.
        en The compressed message is not valid gzip: check the client.
        BODY_TOO_LARGE
        fr Le corps de la requête est trop grand.
        ar محتوى الطلب كبير جدا.
        en The body is too large.
        BROKEN_ANSWER
        fr Le serveur n'a pas pu lire sa propre réponse : signalez l'identifiant de la requête.
        ar لم يتمكن الخادم من قراءة رده: أبلغ عن معرّف الطلب.
        en The server could not read its own answer: report the request id.
        CERTIFICATE_AMBIGUOUS
        fr Le certificat du client porte les noms de plusieurs services : un certificat vaut pour un seul.
        ar شهادة العميل تحمل أسماء عدة خدمات: الشهادة لخدمة واحدة.
        en The client certificate bears the names of several services: one certificate is for one service.
        CERTIFICATE_UNKNOWN
        fr Aucun service n'est connu sous les noms de ce certificat : demandez à l'opérateur de l'ajouter.
        ar لا توجد خدمة معروفة بأسماء هذه الشهادة: اطلب من المشغل إضافتها.
        en No service is known by the names of this certificate: ask the operator to add it.
        CLIENT_CLOSED
        fr Le client a été fermé.
        ar أُغلق العميل.
        en The client was closed.
        CLIENT_GONE
        fr Le client est parti.
        ar غادر العميل.
        en The client has left.
        CONNECTION_LOST
        fr La connexion au serveur est perdue : réessayez.
        ar فُقد الاتصال بالخادم: أعد المحاولة.
        en The connection to the server was lost: try again.
        CONNECT_FAILED
        fr La connexion au serveur est impossible : vérifiez l'adresse et le certificat.
        ar تعذر الاتصال بالخادم: تحقق من العنوان والشهادة.
        en The server cannot be reached: check the address and the certificate.
        ENHANCE_YOUR_CALM
        fr Le serveur demande moins d'appels.
        ar يطلب الخادم عددا أقل من الطلبات.
        en The server asks for fewer calls.
        FRAME_AFTER_END
        fr Le flux a été endommagé en chemin : renvoyez-le.
        ar تضرر التدفق في الطريق: أعد إرساله.
        en The stream was damaged on its way: send it again.
        FRAME_CHECKSUM
        fr Le flux a été endommagé en chemin (somme de contrôle) : renvoyez-le.
        ar تضرر التدفق في الطريق (المجموع التدقيقي): أعد إرساله.
        en The stream was damaged on its way (checksum): send it again.
        FRAME_FLAGS
        fr Une trame a des indicateurs inconnus : vérifiez le client.
        ar إطار يحمل أعلاما غير معروفة: تحقق من العميل.
        en A frame has flags that are not defined: check the client.
        FRAME_SEQUENCE
        fr Le flux n'est pas arrivé dans l'ordre : renvoyez-le.
        ar لم يصل التدفق بالترتيب: أعد إرساله.
        en The stream came out of order: send it again.
        FRAME_TRUNCATED
        fr Le flux s'est arrêté au milieu d'un message : renvoyez-le.
        ar توقف التدفق وسط رسالة: أعد إرساله.
        en The stream ended inside a message: send it again.
        HEADERS_TOO_LARGE
        fr Les en-têtes sont trop grands.
        ar الترويسات كبيرة جدا.
        en The headers are too large.
        INSECURE
        fr Le serveur exige une connexion plus sûre.
        ar يشترط الخادم اتصالا أكثر أمانا.
        en The server demands a safer connection.
        INVALID_JSON
        fr Le JSON ne peut pas être lu : vérifiez sa forme et ses champs.
        ar تعذرت قراءة JSON: تحقق من شكله وحقوله.
        en The JSON cannot be read: check its form and its fields.
        INVALID_PAGE_SIZE
        fr page_size est hors limites.
        ar قيمة page_size خارج النطاق.
        en page_size is out of range.
        INVALID_PAGE_TOKEN
        fr Le jeton de page n'est pas de cette liste : passez next_page_token tel quel.
        ar رمز الصفحة ليس من هذه القائمة: مرر next_page_token كما هو.
        en The page token is not one of this list: pass next_page_token unchanged.
        INVALID_PATH
        fr Une partie du chemin ne convient pas.
        ar جزء من المسار غير مناسب.
        en A part of the path does not fit.
        INVALID_QUERY_PARAMETER
        fr Un paramètre de l'adresse est inconnu ou sa valeur ne convient pas : voyez /openapi.json.
        ar أحد معاملات العنوان غير معروف أو قيمته غير مناسبة: راجع /openapi.json.
        en A query parameter is unknown or does not fit: see /openapi.json.
        MALFORMED_MESSAGE
        fr La requête n'a pas la forme prévue : utilisez le même .proto des deux côtés.
        ar الطلب ليس بالشكل المتوقع: استعمل ملف .proto نفسه على الجانبين.
        en The request has not the form that is expected: use the same .proto on both sides.
        MESSAGE_TOO_LARGE
        fr Le message est trop grand : envoyez moins, ou utilisez un flux.
        ar الرسالة كبيرة جدا: أرسل أقل، أو استعمل تدفقا.
        en The message is too large: send less, or use a stream.
        METHOD_NOT_ALLOWED
        fr Cette méthode HTTP n'est pas possible ici.
        ar طريقة HTTP هذه غير ممكنة هنا.
        en This HTTP method is not possible here.
        NOT_PROCESSED
        fr La connexion se ferme et l'appel n'a pas été traité : réessayez.
        ar الاتصال يُغلق ولم يُعالج الطلب: أعد المحاولة.
        en The connection is closing and the call was not looked at: try again.
        NO_JSON_FORM
        fr La réponse n'a pas de forme JSON : utilisez un client RPC.
        ar ليس للرد شكل JSON: استعمل عميل RPC.
        en The answer has no JSON form: use an RPC client.
        NO_REQUEST
        fr L'appel ne contient pas de requête.
        ar لا يحمل النداء أي طلب.
        en The call carries no request.
        NO_RESPONSE
        fr Le serveur a répondu sans message.
        ar أجاب الخادم دون رسالة.
        en The server answered without a message.
        NO_STATUS
        fr Le serveur a terminé l'appel sans état.
        ar أنهى الخادم النداء دون حالة.
        en The server ended the call without a status.
        NO_SUCH_ROUTE
        fr Cette adresse n'existe pas : /openapi.json donne la liste.
        ar هذا العنوان غير موجود: القائمة في /openapi.json.
        en There is no such address: /openapi.json has the list.
        OFF_LOOP
        fr Le serveur a rencontré une erreur imprévue : signalez l'identifiant de la requête.
        ar واجه الخادم خطأ غير متوقع: أبلغ عن معرّف الطلب.
        en The server met an unexpected condition: report the request id.
        PLAINTEXT_BEYOND_LOOPBACK
        fr Le serveur refuse d'écouter sans TLS au-delà de cette machine : donnez un certificat et une clé.
        ar يرفض الخادم الاستماع دون TLS خارج هذا الجهاز: قدّم شهادة ومفتاحا.
        en The server does not listen without TLS beyond this machine: give a certificate and a key.
        REQUEST_TIMEOUT
        fr La requête a mis trop de temps à arriver.
        ar استغرق وصول الطلب وقتا طويلا.
        en The request took too long to arrive.
        SHUTDOWN
        fr Le serveur s'arrête : rappelez.
        ar الخادم يتوقف: أعد النداء.
        en The server is stopping: call again.
        STREAM_END
        fr La fin du flux manque ou est endommagée : renvoyez-le.
        ar نهاية التدفق مفقودة أو متضررة: أعد إرساله.
        en The end of the stream is missing or damaged: send it again.
        STREAM_RESET
        fr Le serveur a interrompu l'appel.
        ar قطع الخادم النداء.
        en The server broke off the call.
        TOO_MANY_REQUESTS
        fr La méthode prend exactement une requête.
        ar تأخذ العملية طلبا واحدا بالضبط.
        en The method takes exactly one request.
        TOO_MANY_RESPONSES
        fr Le serveur a répondu par plusieurs messages au lieu d'un.
        ar أجاب الخادم بعدة رسائل بدل واحدة.
        en The server answered with several messages instead of one.
        TRUNCATED_MESSAGE
        fr Le flux s'est arrêté au milieu d'un message : renvoyez-le.
        ar توقف التدفق وسط رسالة: أعد إرساله.
        en The stream ended in the middle of a message: send it again.
        UNEXPECTED_COMPRESSION
        fr Un message est compressé sans que grpc-encoding dise comment.
        ar رسالة مضغوطة دون أن يبين grpc-encoding كيف.
        en A message is compressed, but grpc-encoding does not say how.
        UNKNOWN_ENCODING
        fr La compression demandée est inconnue : utilisez gzip ou identity.
        ar الضغط المطلوب غير معروف: استعمل gzip أو identity.
        en The encoding is not known: use gzip or identity.
        UNKNOWN_METHOD
        fr Ce serveur n'a pas cette méthode.
        ar ليست لهذا الخادم هذه العملية.
        en This server has no such method.
        UNKNOWN_SERVICE
        fr Ce serveur n'a pas de service de ce nom.
        ar ليست لهذا الخادم خدمة بهذا الاسم.
        en This server has no service of that name.
        UNSUPPORTED_MEDIA_TYPE
        fr Ce type de contenu n'est pas pris ici.
        ar نوع المحتوى هذا غير مقبول هنا.
        en This content type is not taken here.
        ATTEMPT_TIMEOUT
        fr Le serveur n'a pas répondu dans le temps d'un essai.
        ar لم يجب الخادم خلال زمن محاولة واحدة.
        en The server did not answer within the time of one attempt.
        BAD_FRAME
        fr Le corps n'est pas une suite de trames gRPC-Web : vérifiez le client.
        ar المحتوى ليس إطارات gRPC-Web سليمة: تحقق من العميل.
        en The body is not made of frames of gRPC-Web: check the client.
        FRAME_PAYLOAD
        fr Un message du flux ne peut pas être lu : renvoyez-le.
        ar تعذرت قراءة رسالة من التدفق: أعد إرسالها.
        en A message of the stream cannot be read: send it again.
        INVALID_TIMEOUT
        fr Le délai demandé n'a pas la forme prévue.
        ar المهلة المطلوبة ليست بالشكل المتوقع.
        en The timeout has not the form of one.
        NAME_NOT_RESOLVED
        fr Le nom du serveur n'a pas d'adresse.
        ar ليس لاسم الخادم عنوان.
        en The server's name has no address.
        NOT_RESUMABLE
        fr Ce flux ne peut pas être repris.
        ar لا يمكن استئناف هذا التدفق.
        en This stream cannot be resumed.
        NOT_SERVING
        fr Le service n'est pas prêt.
        ar الخدمة غير جاهزة.
        en The service is not ready.
        RESUME_MALFORMED
        fr La demande de reprise n'a pas la forme prévue.
        ar طلب الاستئناف ليس بالشكل المتوقع.
        en The request to resume has not the form of one.
        STREAM_CHANGED
        fr Le flux a changé depuis : recommencez-le.
        ar تغير التدفق منذ ذلك الحين: ابدأه من جديد.
        en The stream has changed since: begin it again.
        STREAM_DAMAGED
        fr Ce que le flux a dit est endommagé : refaites l’appel.
        ar ما قيل في التدفق تالف: أعد الاستدعاء.
        en What the stream said is damaged: make the call again.
        STREAM_EXPIRED
        fr Le flux est trop ancien pour être repris : recommencez-le.
        ar التدفق أقدم من أن يستأنف: ابدأه من جديد.
        en The stream is too old to be resumed: begin it again.
        STREAM_POSITION
        fr La position de reprise n'est pas dans ce flux.
        ar موضع الاستئناف ليس في هذا التدفق.
        en The position to resume from is not in this stream.
        STREAM_POSITION_LOST
        fr La position de reprise n'est plus gardée : recommencez le flux.
        ar لم يعد موضع الاستئناف محفوظا: ابدأ التدفق من جديد.
        en The position to resume from is not kept any more: begin the stream again.
        STREAM_REQUEST_DIFFERS
        fr La requête n'est pas celle du flux à reprendre.
        ar الطلب ليس طلب التدفق المراد استئنافه.
        en The request is not that of the stream to be resumed.
        STREAM_TAKEN_OVER
        fr Le flux a été repris par une autre connexion.
        ar استأنف اتصال آخر هذا التدفق.
        en The stream was taken up by another connection.
        STREAM_UNKNOWN
        fr Ce flux n'existe pas ou plus : recommencez-le.
        ar هذا التدفق غير موجود: ابدأه من جديد.
        en There is no such stream any more: begin it again.
        STREAM_DAMAGED
        fr Ce que le flux a dit est endommagé : refaites l'appel.
        ar ما قاله التدفق متضرر: أعد النداء.
        en What the stream said is damaged: make the call again.
        """
}
