package handlers

import (
	"maps"
	"net/url"
)

// neighbour returns the address of a neighbouring page of a list: the path and query of the list at another cursor. It
// is "" where there is no such page. Direction is "older" or "newer".
func neighbour(path string, query url.Values, direction, cursor string) string {
	if cursor == "" {
		return ""
	}
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set(direction, cursor)
	return path + "?" + query.Encode()
}
