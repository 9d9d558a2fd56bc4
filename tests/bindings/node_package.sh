#!/bin/sh -e
# node_package.sh SOURCE FOLDER: makes a user's environment, without the network.
#
# The package of SOURCE/bindings/node is packed and installed in FOLDER/user, with koffi and the compiler for types.
source=$1
folder=$2
modules=$source/bindings/node/node_modules
export npm_config_cache="$folder/cache" npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

rm -rf "$folder"
mkdir -p "$folder/source/bindings" "$folder/user"
cp -r "$source/include" "$source/LICENSE" "$folder/source" # packing writes files, and the tree stays clean
tar -C "$source/bindings" -c --exclude node_modules node | tar -C "$folder/source/bindings" -x
cd "$folder/user"
npm pack --silent ../source/bindings/node >/dev/null
npm pack --silent --ignore-scripts "$modules/koffi" "$modules"/@koromix/* >/dev/null
echo '{"private": true}' >package.json
npm install --silent --offline --ignore-scripts ./*.tgz
mkdir -p node_modules/@types
ln -s "$modules/typescript" node_modules/typescript
ln -s "$modules/@types/node" node_modules/@types/node
