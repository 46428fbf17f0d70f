package web

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"
)

func accountOf(name string) [32]byte { return sha256.Sum256([]byte(name)) }

func TestTriesOfOneAccount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	a, ada := newAccounts(), accountOf("ada")
	for i := range freeTries {
		if wait := a.wait(ada, now); wait != 0 {
			t.Fatalf("try %d waits %s", i, wait)
		}
	}
	want := firstWait
	for range 20 {
		if wait := a.wait(ada, now); wait != want {
			t.Fatalf("waits %s, want %s", wait, want)
		}
		if wait := a.wait(ada, now.Add(want-1)); wait != 1 { // refused tries cost nothing
			t.Fatalf("waits %s more, want a moment", wait)
		}
		now = now.Add(want)
		if wait := a.wait(ada, now); wait != 0 {
			t.Fatalf("waits %s after the wait", wait)
		}
		want = min(2*want, longestWait)
	}
	if want != longestWait {
		t.Errorf("the wait grows to %s only", want)
	}
	if wait := a.wait(accountOf("grace"), now); wait != 0 {
		t.Errorf("another account waits %s", wait)
	}
	if a.right(ada); a.wait(ada, now) != 0 {
		t.Error("the tries before the right password count")
	}
}

func TestTriesOfAnAccountAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	a, ada := newAccounts(), accountOf("ada")
	for range freeTries {
		a.wait(ada, now)
	}
	if a.wait(ada, now.Add(time.Second)) == 0 {
		t.Fatal("no wait")
	}
	for range freeTries {
		if wait := a.wait(ada, now.Add(forgetAfter)); wait != 0 {
			t.Fatalf("waits %s after an hour of peace", wait)
		}
	}
}

func TestMemoryForAccountsIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	a, ada := newAccounts(), accountOf("ada")
	for i := range maxAccounts + 50 {
		if i%1000 == 0 || i > maxAccounts { // tried again and again: it is not what goes
			a.wait(ada, now.Add(time.Duration(i)*time.Millisecond))
		}
		a.wait(accountOf(fmt.Sprint(i)), now.Add(time.Duration(i)*time.Millisecond))
	}
	if n := len(a.known); n > maxAccounts {
		t.Errorf("%d accounts are kept", n)
	}
	if a.known[ada] == nil {
		t.Error("an account under attack is pushed out by others")
	}
	a.wait(ada, now.Add(3*forgetAfter))
	a.wait(accountOf("new"), now.Add(3*forgetAfter))
	if n := len(a.known); n > 2 {
		t.Errorf("%d accounts are kept that nobody tries any more", n)
	}
}
