/* The nginx of nginx.h by its older name. */
#ifndef KIT_KEY_NGINX_H
#define KIT_KEY_NGINX_H

#include "nginx.h"

typedef nginx key_nginx;
typedef nginx_seen key_nginx_seen;

#define KEY_NGINX_ONE_LOCK NGINX_ONE_LOCK
#define key_nginx_start nginx_start_for_keys
#define key_nginx_url nginx_url
#define key_nginx_look nginx_look
#define key_nginx_pause nginx_pause
#define key_nginx_go_on nginx_go_on
#define key_nginx_stop nginx_stop

#endif
