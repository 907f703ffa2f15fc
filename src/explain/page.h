/* The fixed parts of the page. */
#ifndef BP__EXPLAIN_PAGE_H
#define BP__EXPLAIN_PAGE_H

extern const char bp__page_style[], bp__page_script[];

#endif
