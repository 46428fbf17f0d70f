// Package ui holds the primitives of the pages: buttons, fields, notices, tables of facts, pictures, and how times and
// sizes read. It knows no word of the domain and imports only static, so every page can be put together from it.
//
// Components take values and call nothing. Those with many optional parts take a struct whose zero fields mean "without".
// Class names are those of the stylesheet in static/css; a test compares the two.
package ui
