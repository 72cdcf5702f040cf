module example.org/months

go 1.24
