package store

import "gorm.io/gorm"

func onPostgres(db *gorm.DB) bool { return db.Dialector.Name() == "postgres" }
