/* What doc/ shows: functions that print a listing each, by name. */
#ifndef BP_TEST_LISTINGS_H
#define BP_TEST_LISTINGS_H

#include "ir/ir.h"

typedef struct listing {
    const char *name;
    void (*print)(bp__str *s);
} listing;
extern const listing listings[];
extern const int n_listings;
/* pipeline_listings.c */
extern const listing pipeline_listings[];
extern const int n_pipeline_listings;
/* error_listings.c */
extern const listing error_listings[];
extern const int n_error_listings;

#endif
