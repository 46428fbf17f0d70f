package store_test

import (
	"net"
	"testing"
	"time"

	"stackhook/models/store"
)

// A server that takes a connection and says nothing, as one whose disk hangs, is tried again.
func TestListensAgainWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tries := make(chan net.Conn, 10)
	t.Cleanup(store.Listen("postgres://stackhook@" + silent.Addr().String() + "/stackhook?sslmode=disable"))
	t.Cleanup(func() { silent.Close() })
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			tries <- conn
		}
	}()
	for try := range 2 {
		select {
		case conn := <-tries:
			defer conn.Close()
		case <-time.After(patience):
			t.Fatalf("tried %d times", try)
		}
	}
}
