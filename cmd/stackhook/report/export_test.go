package report

import "net/http"

// OpenThrough opens a reporter whose calls take another way than the network.
func OpenThrough(o Options, through http.RoundTripper) (*Reporter, error) { return open(o, through) }
