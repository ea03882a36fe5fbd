// SPDX-License-Identifier: LGPL-2.1-or-later
/* Finds out why a handshake failed, and puts it into words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "handshake_internal.h"
#include "internal.h"

static const struct {
	int alert;
	const char *name;
} alerts[] = {
	{ 0, "close_notify" },
	{ 10, "unexpected_message" },
	{ 20, "bad_record_mac" },
	{ 21, "decryption_failed" },
	{ 22, "record_overflow" },
	{ 30, "decompression_failure" },
	{ 40, "handshake_failure" },
	{ 42, "bad_certificate" },
	{ 43, "unsupported_certificate" },
	{ 44, "certificate_revoked" },
	{ 45, "certificate_expired" },
	{ 46, "certificate_unknown" },
	{ 47, "illegal_parameter" },
	{ 48, "unknown_ca" },
	{ 49, "access_denied" },
	{ 50, "decode_error" },
	{ 51, "decrypt_error" },
	{ 60, "export_restriction" },
	{ 70, "protocol_version" },
	{ 71, "insufficient_security" },
	{ 80, "internal_error" },
	{ 86, "inappropriate_fallback" },
	{ 90, "user_canceled" },
	{ 100, "no_renegotiation" },
	{ 109, "missing_extension" },
	{ 110, "unsupported_extension" },
	{ 112, "unrecognized_name" },
	{ 115, "unknown_psk_identity" },
	{ 116, "certificate_required" },
	{ 120, "no_application_protocol" },
};

const char *kpc_alert_name(int alert)
{
	for (size_t i = 0; i < ARRAY_SIZE(alerts); i++)
		if (alerts[i].alert == alert)
			return alerts[i].name;
	return "unknown alert";
}

/* Of these another time may know nothing; all others refuse what is configured. */
static bool alert_passes(int alert)
{
	return alert == SSL3_AD_CLOSE_NOTIFY || alert == SSL_AD_UNEXPECTED_MESSAGE ||
	       alert == SSL_AD_INTERNAL_ERROR || alert == SSL_AD_USER_CANCELLED;
}

bool kpc_handshake_failure_lasts(const struct kpc_handshake_failure *failure)
{
	switch (failure->cause) {
	case KPC_HANDSHAKE_NOT_TLS:
	case KPC_HANDSHAKE_UNKNOWN:
	case KPC_HANDSHAKE_WRONG_KEY:
	case KPC_HANDSHAKE_POLICY:
		return true;
	case KPC_HANDSHAKE_ALERT:
		return !alert_passes(failure->alert_received);
	default:
		return false;
	}
}

/* What implementations send when the keys differ or the KpcId is not known. */
static bool alert_of_keys(int alert)
{
	return alert == SSL_AD_BAD_RECORD_MAC || alert == SSL_AD_DECRYPT_ERROR ||
	       alert == SSL_AD_UNKNOWN_PSK_IDENTITY || alert == SSL_AD_ILLEGAL_PARAMETER;
}

/* Some ciphers give reasons of their own, so the alert decides where there is one. */
static bool keys_differ(const struct kpc_handshake *hs, int reason)
{
	return hs->failure.alert_sent == SSL_AD_BAD_RECORD_MAC ||
	       hs->failure.alert_sent == SSL_AD_DECRYPT_ERROR ||
	       reason == SSL_R_BINDER_DOES_NOT_VERIFY;
}

static bool reason_of_policy(int reason)
{
	return reason == SSL_R_NO_SHARED_CIPHER || reason == SSL_R_UNSUPPORTED_PROTOCOL ||
	       reason == SSL_R_VERSION_TOO_LOW || reason == SSL_R_VERSION_TOO_HIGH ||
	       reason == SSL_R_NO_SUITABLE_KEY_SHARE || reason == SSL_R_NO_SUITABLE_GROUPS ||
	       reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM ||
	       reason == SSL_R_NO_PROTOCOLS_AVAILABLE || reason == SSL_R_NO_CIPHERS_AVAILABLE ||
	       reason == SSL_R_WRONG_CIPHER_RETURNED ||
	       reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_DH_KEY_TOO_SMALL;
}

void kpci_handshake_fail(struct kpc_handshake *hs, enum kpc_handshake_cause cause,
			 const char *format, ...)
{
	char text[KPC_ERROR_TEXT_MAX];
	va_list args;

	hs->state = KPC_HANDSHAKE_FAILED;
	if (hs->failure.cause)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	hs->failure.cause = cause;
	kpc_error_set(&hs->failure.text, "%s", text);
}

void kpci_failure_alert(const SSL *ssl, int where, int value)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);

	if (!hs || !(where & SSL_CB_ALERT))
		return;
	if (where & SSL_CB_READ)
		hs->failure.alert_received = value & 0xff;
	else
		hs->failure.alert_sent = value & 0xff;
}

static void judge_alert(struct kpc_handshake *hs, int alert)
{
	kpci_handshake_fail(hs, KPC_HANDSHAKE_ALERT, "the peer sent alert %d (%s)%s", alert,
			    kpc_alert_name(alert), !alert_of_keys(alert) ? "" :
			    ": it does not know this KpcId, or its Kpc is another");
}

static void judge_unknown(struct kpc_handshake *hs)
{
	char text[KPC_KPCID_TEXT_MAX];

	if (!hs->offer.len)
		kpci_handshake_fail(hs, KPC_HANDSHAKE_UNKNOWN, "the peer offers no usable KpcId");
	else if (hs->denied)
		kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY,
				    "KpcId %.128s is known, but %s; the peer is told no more than "
				    "for a wrong Kpc", kpc_kpcid_text(&hs->offer, text),
				    hs->denied);
	else
		kpci_handshake_fail(hs, KPC_HANDSHAKE_UNKNOWN, "KpcId %.128s is not known",
				    kpc_kpcid_text(&hs->offer, text));
}

void kpci_failure_judge(struct kpc_handshake *hs)
{
	int reason = ERR_GET_REASON(hs->error);
	const char *words = ERR_reason_error_string(hs->error);
	char sent[64] = "";

	if (hs->failure.alert_sent >= 0)
		snprintf(sent, sizeof(sent), "; alert %d (%s) was sent", hs->failure.alert_sent,
			 kpc_alert_name(hs->failure.alert_sent));
	if (!words)
		words = "no reason given";
	if (hs->failure.alert_received >= 0)
		judge_alert(hs, hs->failure.alert_received);
	else if (hs->answered && !hs->agreed && hs->policy.role == KPC_ROLE_B)
		judge_unknown(hs);
	else if (keys_differ(hs, reason))
		kpci_handshake_fail(hs, KPC_HANDSHAKE_WRONG_KEY,
				    "Kpc is not the same on both sides (%s%s)", words, sent);
	else if (reason_of_policy(reason))
		kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY,
				    "nothing in common with the peer: %s%s", words, sent);
	else if (reason == ERR_R_MALLOC_FAILURE || reason == ERR_R_INTERNAL_ERROR)
		kpci_handshake_fail(hs, KPC_HANDSHAKE_LOCAL, "OpenSSL: %s%s", words, sent);
	else
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL, "the peer broke the protocol: %s%s",
				    words, sent);
}
