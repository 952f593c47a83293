/*
 * Verifies certificates with BoringSSL, set up as Envoy sets it up
 * (https://github.com/envoyproxy/envoy/blob/main/source/common/tls/cert_validator/default_validator.cc).
 * No build of the project needs it; where BoringSSL and a C compiler are at hand:
 *
 *	cc -o verify -I INCLUDE verify.c LIBCRYPTO
 *	CERTCHECK_BORINGSSL=$PWD/verify go test ./...
 *
 * It reads requests from stdin: records of a letter, a length (4 bytes, big
 * endian) and DER. L is the certificate that is shown, C another behind it, R one
 * that is trusted, X a CRL; V, of length 0, asks. The answer is one line: "ok", or
 * what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static X509 *leaf;
static STACK_OF(X509) *chain;
static X509_STORE *store;
static int crls;
static const char *broken;

static void reset(void) {
  X509_free(leaf);
  if (chain) sk_X509_pop_free(chain, X509_free);
  if (store) X509_STORE_free(store);
  leaf = NULL;
  chain = sk_X509_new_null();
  store = X509_STORE_new();
  crls = 0;
  broken = NULL;
  ERR_clear_error();
}

static void take(char kind, const unsigned char *der, long len) {
  const unsigned char *p = der;
  if (kind == 'X') {
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, len);
    if (!crl || p != der + len) {
      broken = "a CRL cannot be read";
      return;
    }
    X509_STORE_add_crl(store, crl);
    X509_CRL_free(crl);
    crls++;
    return;
  }
  X509 *x = d2i_X509(NULL, &p, len);
  if (!x || p != der + len) {
    broken = kind == 'R' ? "a root cannot be read" : "a certificate cannot be read";
    return;
  }
  if (kind == 'L') {
    leaf = x;
  } else if (kind == 'C') {
    sk_X509_push(chain, x);
  } else {
    X509_STORE_add_cert(store, x);
    X509_free(x);
  }
}

static int ask(const char *purpose) {
  X509_STORE_CTX *ctx = X509_STORE_CTX_new();
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (crls) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  X509_STORE_set_flags(store, flags);
  int ok = X509_STORE_CTX_init(ctx, store, leaf, chain) && X509_STORE_CTX_set_default(ctx, purpose) &&
           X509_verify_cert(ctx) == 1;
  if (!ok) {
    printf("%s: %s at depth %d\n", purpose, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
           X509_STORE_CTX_get_error_depth(ctx));
  }
  X509_STORE_CTX_free(ctx);
  return ok;
}

int main(void) {
  unsigned char head[5];
  reset();
  while (fread(head, 1, 5, stdin) == 5) {
    unsigned long len = (unsigned long)head[1] << 24 | head[2] << 16 | head[3] << 8 | head[4];
    if (head[0] == 'V') {
      if (broken) {
        printf("%s\n", broken);
      } else if (!leaf) {
        printf("nothing is shown\n");
      } else if (ask("ssl_server") && ask("ssl_client")) {
        printf("ok\n");
      }
      fflush(stdout);
      reset();
      continue;
    }
    if (len > 1 << 24) return 1;
    unsigned char *der = malloc(len + 1);
    if (fread(der, 1, len, stdin) != len) return 1;
    take((char)head[0], der, (long)len);
    free(der);
  }
  return 0;
}
