"""A notification service on the session bus: notifications.py COMMAND... starts the command when the service is there,
and prints each notification's summary and body as a line of JSON. Needs Debian's python3-jeepney."""
import json
import subprocess
import sys

from jeepney import HeaderFields, MessageType, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

REPLIES = {"Notify": ("u", (1,)), "GetServerInformation": ("ssss", ("test", "test", "1", "1.2")),
           "GetCapabilities": ("as", (["body"],))}

with open_dbus_connection(bus="SESSION") as connection:
    connection.send_and_get_reply(message_bus.RequestName("org.freedesktop.Notifications"))
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        while True:
            message = connection.receive()
            if message.header.message_type is MessageType.method_call:
                method = message.header.fields[HeaderFields.member]
                connection.send(new_method_return(message, *REPLIES[method]))
                if method == "Notify":
                    print(json.dumps(message.body[3:5]), flush=True)
