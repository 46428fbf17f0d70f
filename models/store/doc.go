// Package store is the only package that talks to the database. An exported method is one transaction and returns
// domain values of package models; helpers that are not exported take the transaction that they belong to.
//
// Read runs.go for the fact (a run changed state, and its deliveries exist with it), claim.go and record.go for what
// the engine does with a delivery, and schema.go for the tables. The statements are written for SQLite and PostgreSQL.
package store
