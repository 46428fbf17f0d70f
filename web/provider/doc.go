// Package provider talks to the identity provider, by OpenID Connect: the address to sign in at, and what the provider
// vouches for about whoever comes back from there.
//
// Nothing is asked of the provider before somebody signs in, so that a server starts without it, and what it answers is
// believed only as far as the specification says. It imports models only; what somebody may do here is decided in
// models and in the store.
package provider
